use std::fmt;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::conversation::{ASSISTANT, Conversation};
use crate::error::{ChatError, DataError};
use crate::record::Record;

/// A common shape of rows that are conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{"messages": [{"role": …, "content": …}, …]}`, optionally with `tools`.
    Messages,
    /// `{"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}, …]}`, as ShareGPT has it.
    ShareGpt,
    /// `{"instruction": …, "input": …, "output": …}`, as Alpaca has it.
    Alpaca,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "chats (`messages`)",
            Self::ShareGpt => "chats in ShareGPT's shape (`conversations`)",
            Self::Alpaca => "instructions in Alpaca's shape (`instruction`, `input`, `output`)",
        })
    }
}

impl Shape {
    /// The shape of a row, by the names of its fields. `None` for any other row.
    pub fn of(row: &Record) -> Option<Self> {
        let is_list = |field: &str| row.value(field).is_ok_and(|value| value.kind() == ValueKind::Seq);
        match () {
            () if is_list("messages") => Some(Self::Messages),
            () if is_list("conversations") => Some(Self::ShareGpt),
            () if row.has("instruction") && row.has("output") => Some(Self::Alpaca),
            () => None,
        }
    }

    /// The conversation in a row of this shape.
    ///
    /// # Errors
    ///
    /// A field is missing or has the wrong type, a message has no role, or the role is unknown.
    pub fn conversation(self, row: &Record) -> Result<Conversation, DataError> {
        let tools = row.value("tools").ok().filter(|tools| !tools.is_none());
        match self {
            Self::Messages => Conversation::of("messages", &row.value("messages")?, tools),
            Self::ShareGpt => {
                let turns = row.value("conversations")?;
                let turns = turns
                    .try_iter()
                    .into_iter()
                    .flatten()
                    .zip(1..)
                    .map(|(turn, number)| turn_of(&turn, number));
                let messages = Value::from(turns.collect::<Result<Vec<_>, _>>()?);
                Conversation::of("conversations", &messages, tools)
            }
            Self::Alpaca => {
                let (input, output) = instruction(row)?;
                Ok(Conversation::new().with_message("user", &input).with_message(ASSISTANT, &output))
            }
        }
    }
}

/// The instruction with its input, and the output, of a row in Alpaca's shape.
pub(crate) fn instruction(row: &Record) -> Result<(String, String), DataError> {
    let instruction = row.text("instruction")?;
    let input = if row.has("input") { row.text("input")? } else { String::new() };
    let between = if input.is_empty() { "" } else { "\n\n" };
    Ok((format!("{instruction}{between}{input}"), row.text("output")?))
}

/// ShareGPT's names of the roles.
const ROLES: [(&str, &[&str]); 4] = [
    ("system", &["system"]),
    ("user", &["human", "user"]),
    (ASSISTANT, &["gpt", "assistant", "chatgpt", "model", "bing", "bard"]),
    ("tool", &["tool", "function_response", "observation"]),
];

fn turn_of(turn: &Value, number: usize) -> Result<Value, DataError> {
    let wrong = |problem| {
        DataError::from(ChatError::Message { field: "conversations".into(), message: number, problem })
    };
    let text = |name: &str| turn.get_attr(name).ok().and_then(|value| value.as_str().map(str::to_string));
    let from = text("from").ok_or_else(|| wrong("it has no text `from`"))?;
    let value = text("value").ok_or_else(|| wrong("it has no text `value`"))?;
    let role = ROLES.iter().find(|(_, names)| names.contains(&from.as_str()));
    let (role, _) = role.ok_or_else(|| wrong("its `from` is none of human, gpt, system and tool"))?;
    Ok(Value::from_pairs([("role", *role), ("content", value.as_str())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> Record {
        Record::from_json(json).unwrap()
    }

    #[test]
    fn shapes_are_recognised_by_their_fields() {
        assert_eq!(Shape::of(&row(r#"{"messages": []}"#)), Some(Shape::Messages));
        assert_eq!(Shape::of(&row(r#"{"id": 1, "conversations": []}"#)), Some(Shape::ShareGpt));
        assert_eq!(Shape::of(&row(r#"{"instruction": "a", "output": "b"}"#)), Some(Shape::Alpaca));
        assert_eq!(Shape::of(&row(r#"{"messages": "a text", "target": "b"}"#)), None);
        assert_eq!(Shape::of(&row(r#"{"instruction": "a"}"#)), None);
    }

    #[test]
    fn every_shape_becomes_messages() {
        let sharegpt = r#"{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}"#;
        let conversation = Shape::ShareGpt.conversation(&row(sharegpt)).unwrap();
        assert_eq!(conversation.roles(), ["system", "user", "assistant"]);
        let alpaca = r#"{"instruction": "Add.", "input": "1 and 2", "output": "3"}"#;
        let conversation = Shape::Alpaca.conversation(&row(alpaca)).unwrap();
        assert_eq!(conversation.roles(), ["user", "assistant"]);
        assert_eq!(conversation.messages[0].get_attr("content").unwrap().as_str(), Some("Add.\n\n1 and 2"));
    }

    #[test]
    fn a_message_that_is_none_is_named() {
        let problem = |json: &str| {
            let row = row(json);
            Shape::of(&row).unwrap().conversation(&row).unwrap_err().to_string()
        };
        assert_eq!(problem(r#"{"messages": []}"#), "field `messages`: there are no messages");
        assert_eq!(
            problem(r#"{"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}"#),
            "field `messages`, message 2: it has no text `role`"
        );
        assert_eq!(
            problem(r#"{"conversations": [{"from": "robot", "value": "a"}]}"#),
            "field `conversations`, message 1: its `from` is none of human, gpt, system and tool"
        );
    }
}
