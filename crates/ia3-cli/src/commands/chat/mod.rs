//! `ia3 chat`.

mod input;
mod session;

use std::io::{BufRead, IsTerminal, Write, stdin};
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use burn::tensor::Device;
use ia3::data::ChatTemplate;
use ia3_guard::{escape, quote_path};

use self::input::Input;
use self::session::Session;
use crate::args::Chat;
use crate::output;

const HELP: &str = "\
/adapter NAME   the adapter NAME answers from now on; without NAME, the adapters are listed
/base           the base answers from now on
/reset          forgets the conversation
/quit           ends; so does the end of the input";

/// Reads a line, answers it, and goes on until the input ends. What is wrong with a line is said, and the conversation goes on.
pub(crate) fn run(args: &Chat, device: &Device) -> anyhow::Result<ExitCode> {
    let mut session = Session::open(args, device)?;
    let is_terminal = stdin().is_terminal();
    if is_terminal {
        output::on_stderr(format_args!("{}; /help lists the commands", session.who()));
    }
    let mut lines = stdin().lock().lines();
    loop {
        if is_terminal {
            let _ = write!(std::io::stderr(), "> ");
        }
        let Some(line) = lines.next().transpose()? else { return Ok(ExitCode::SUCCESS) };
        match Input::of(&line) {
            Input::Nothing => (),
            Input::Quit => return Ok(ExitCode::SUCCESS),
            Input::Help => output::on_stderr(HELP),
            Input::Reset => session.reset(),
            Input::Base => session.choose(None)?,
            Input::Adapter(None) => output::on_stderr(escape(&session.adapters())),
            Input::Adapter(Some(name)) => or_say(session.choose(Some(name)))?,
            Input::Unknown(command) => {
                or_say(Err(anyhow!("there is no command `{command}`; /help lists the commands")))?
            }
            Input::Text(text) => or_say(session.answer(text))?,
        }
    }
}

/// Prints an error. In a script, where nobody reads it, it ends the program.
fn or_say(result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if stdin().is_terminal() => {
            output::error(&error);
            Ok(())
        }
        result => result,
    }
}

/// The chat template of a base.
///
/// # Errors
///
/// The base has none, or it is no template.
pub(super) fn template(base: &Path) -> anyhow::Result<ChatTemplate> {
    ChatTemplate::open(base)?.ok_or_else(|| {
        anyhow!(
            "{} has no chat template; add the chat_template.jinja of the model, or take `ia3 generate --prompt`",
            quote_path(base)
        )
    })
}
