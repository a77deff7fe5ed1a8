use minijinja::Value;
use minijinja::value::ValueKind;

use crate::error::{ChatError, DataError};

/// The messages of a conversation, and the tools that the model may call.
///
/// A message is an object with a `role` and, as a rule, a `content`. What else it has is left to the chat template.
///
/// ```
/// use ia3_data::Conversation;
///
/// let conversation = Conversation::new().with_message("system", "Be brief.").with_message("user", "What is 2 + 2?");
/// assert_eq!(conversation.roles(), ["system", "user"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    pub(crate) messages: Vec<Value>,
    pub(crate) tools: Option<Value>,
}

/// The role of the model.
pub(crate) const ASSISTANT: &str = "assistant";

impl Conversation {
    /// A conversation without messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message.
    pub fn with_message(mut self, role: &str, content: &str) -> Self {
        self.messages.push(Value::from_pairs([("role", role), ("content", content)]));
        self
    }

    /// The messages of a list of objects.
    pub(crate) fn of(field: &str, messages: &Value, tools: Option<Value>) -> Result<Self, DataError> {
        let wrong =
            |message, problem| DataError::from(ChatError::Message { field: field.into(), message, problem });
        let list = matches!(messages.kind(), ValueKind::Seq).then(|| messages.try_iter().ok()).flatten();
        let messages: Vec<Value> = list.ok_or_else(|| wrong(0, "the messages are no list"))?.collect();
        for (number, message) in (1..).zip(&messages) {
            let role = message.get_attr("role").ok().filter(|role| role.as_str().is_some());
            if role.is_none() {
                return Err(wrong(number, "it has no text `role`"));
            }
        }
        match messages.is_empty() {
            true => Err(wrong(0, "there are no messages")),
            false => Ok(Self { messages, tools }),
        }
    }

    /// The role of each message.
    pub fn roles(&self) -> Vec<String> {
        let role = |message: &Value| message.get_attr("role").ok()?.as_str().map(str::to_string);
        self.messages.iter().map(|message| role(message).unwrap_or_default()).collect()
    }

    /// The same conversation as far as the first `count` messages.
    pub(crate) fn first(&self, count: usize) -> Self {
        Self { messages: self.messages[..count].to_vec(), tools: self.tools.clone() }
    }
}
