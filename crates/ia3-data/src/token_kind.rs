//! What a token is, with the numbers that SentencePiece gives the kinds and GGUF files take over.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

impl TokenKind {
    /// The kind of a number from 1 to 6; `None` for any other.
    pub(crate) fn of(number: i64) -> Option<Self> {
        const KINDS: [TokenKind; 6] = [
            TokenKind::Normal,
            TokenKind::Unknown,
            TokenKind::Control,
            TokenKind::UserDefined,
            TokenKind::Unused,
            TokenKind::Byte,
        ];
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        KINDS.get(place).copied()
    }
}
