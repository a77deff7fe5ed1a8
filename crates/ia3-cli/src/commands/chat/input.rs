//! What a line of a chat asks for.

/// A line: a command, or something to say to the model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input<'a> {
    Nothing,
    Text(&'a str),
    /// Another adapter by its name, or the list of adapters.
    Adapter(Option<&'a str>),
    Base,
    Reset,
    Help,
    Quit,
    Unknown(&'a str),
}

impl<'a> Input<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        let line = line.trim();
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match command {
            "" => Self::Nothing,
            "/adapter" => Self::Adapter(Some(rest.trim()).filter(|name| !name.is_empty())),
            "/base" => Self::Base,
            "/reset" => Self::Reset,
            "/help" => Self::Help,
            "/quit" | "/exit" => Self::Quit,
            command if command.starts_with('/') => Self::Unknown(command),
            _ => Self::Text(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_what_is_said() {
        assert_eq!(Input::of("  "), Input::Nothing);
        assert_eq!(Input::of(" Hello, you "), Input::Text("Hello, you"));
        assert_eq!(Input::of("/adapter  pirate "), Input::Adapter(Some("pirate")));
        assert_eq!(Input::of("/adapter"), Input::Adapter(None));
        assert_eq!(Input::of("/base"), Input::Base);
        assert_eq!(Input::of("/baes"), Input::Unknown("/baes"));
    }
}
