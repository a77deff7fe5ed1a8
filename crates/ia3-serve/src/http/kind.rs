//! Chats and continued texts.

/// Which of the two kinds of completions it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Chat,
}
