//! Words that are found where a text begins with them.

/// Words with their ids, sorted by their bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    sorted: Vec<(Box<[u8]>, usize)>,
}

impl Words {
    /// Of words of the same text the first one counts.
    pub(crate) fn new<'a>(words: impl Iterator<Item = (&'a str, usize)>) -> Self {
        let mut sorted: Vec<(Box<[u8]>, usize)> =
            words.map(|(word, id)| (word.as_bytes().into(), id)).collect();
        sorted.sort();
        sorted.dedup_by(|after, before| after.0 == before.0);
        Self { sorted }
    }

    /// The lengths and ids of all words with which a text begins, the shortest first.
    pub(crate) fn beginnings(&self, text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        let mut rest = self.sorted.as_slice();
        let mut found = vec![];
        for (place, byte) in text.iter().enumerate() {
            // All that are left begin with the text before `place`, and the one that is no longer comes first.
            let next = |word: &(Box<[u8]>, usize)| word.0.get(place).copied();
            let start = rest.partition_point(|word| next(word) < Some(*byte));
            let end = start + rest[start..].partition_point(|word| next(word) == Some(*byte));
            rest = &rest[start..end];
            match rest.first() {
                Some((word, id)) if word.len() == place + 1 => found.push((place + 1, *id)),
                Some(_) => {}
                None => break,
            }
        }
        found.into_iter()
    }

    /// The length of the longest word with which a text begins.
    pub(crate) fn longest(&self, text: &[u8]) -> Option<usize> {
        self.beginnings(text).last().map(|(len, _)| len)
    }

    /// The id of a word.
    pub(crate) fn id(&self, word: &str) -> Option<usize> {
        let place = self.sorted.binary_search_by(|(other, _)| (**other).cmp(word.as_bytes()));
        place.ok().map(|place| self.sorted[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_at_the_beginning_are_found() {
        let words = ["the", "t", "then", "theme", "é", "t"];
        let words = Words::new(words.into_iter().zip(0..));
        let found = |text: &str| words.beginnings(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(found("then"), [(1, 1), (3, 0), (4, 2)]);
        assert_eq!(found("these"), [(1, 1), (3, 0)]);
        assert_eq!(found("élan"), [(2, 4)]);
        assert_eq!(found("a"), []);
        assert_eq!(words.longest(b"them"), Some(3));
        assert_eq!(words.id("theme"), Some(3));
        assert_eq!(words.id("th"), None);
    }
}
