use ia3_guard::quote;

/// What can be wrong with conversations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// A conversation has a message that is none.
    #[error("field `{field}`{}: {problem}", if *message > 0 { format!(", message {message}") } else { String::new() }, field = quote(field))]
    Message {
        /// The field of the conversation.
        field: String,
        /// The number of the message from 1, or 0 for the whole.
        message: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A conversation is to be learned by a model that is not a decoder.
    #[error(
        "rows of messages are for decoder-only models; give rows with `input` and `target`, or a template"
    )]
    ChatForModel,
    /// The base has no chat template.
    #[error(
        "the row is a conversation, but the base has no chat template (`chat_template.jinja`, or `chat_template` in \
         tokenizer_config.json); add the one of the model, or give a template for the fields of the row"
    )]
    NoChatTemplate,
    /// A turn cannot be found in the rendered conversation.
    #[error(
        "message {message}: the chat template renders it in another way than the generation of it, or than the whole \
         conversation; give a chat_template.jinja with `{{% generation %}}` around what the model says"
    )]
    TurnsDiffer {
        /// The number of the message, from 1.
        message: usize,
    },
    /// A conversation has nothing to learn.
    #[error(
        "the assistant says nothing within the first {max} tokens of the conversation; raise the limit of tokens, or leave the row out"
    )]
    NothingSaid {
        /// The limit.
        max: usize,
    },
    /// A message has a character that marks turns.
    #[error("a message has the character U+{:04X}, which is used to mark what the model says; remove it", u32::from(*mark))]
    Mark {
        /// The character.
        mark: char,
    },
}
