//! The map of characters of a model: a double array of prefixes, and the texts that stand for them.

/// The longest replacement, in bytes. SentencePiece's own maps have up to 33.
const LONGEST: usize = 300;

/// What replaces the beginnings of a text.
#[derive(Clone, Debug)]
pub(super) struct CharMap {
    /// The units of the double array, as Darts-clone packs them.
    units: Vec<u32>,
    /// The replacements, each of which ends with a zero byte.
    texts: String,
}

impl CharMap {
    /// Reads the size of the array, the array and the replacements.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong with the map.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let short = || format!("its map of characters has {} bytes, fewer than it says", bytes.len());
        let (size, rest) = bytes.split_first_chunk().ok_or_else(short)?;
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let (array, texts) = rest.split_at_checked(size).ok_or_else(short)?;
        let unit = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).unwrap_or_default();
        let texts = std::str::from_utf8(texts).map_err(|error| format!("its map of characters: {error}"))?;
        let longest = texts.split('\0').map(str::len).max().unwrap_or(0);
        if longest > LONGEST {
            return Err(format!(
                "its map of characters writes {longest} bytes for one, more than the limit of {LONGEST}"
            ));
        }
        Ok(Self { units: array.chunks_exact(4).map(unit).collect(), texts: texts.to_string() })
    }

    /// The length of the longest beginning of a text that is replaced, and the replacement.
    pub(super) fn longest(&self, text: &[u8]) -> Option<(usize, &str)> {
        let mut node = offset(*self.units.first()?);
        let mut found = None;
        for (place, byte) in text.iter().enumerate() {
            node ^= usize::from(*byte);
            let unit = *self.units.get(node)?;
            if label(unit) != u32::from(*byte) {
                break;
            }
            node ^= offset(unit);
            if has_leaf(unit) {
                found = self.units.get(node).map(|leaf| (place + 1, value(*leaf))).or(found);
            }
        }
        let (len, start) = found?;
        Some((len, self.texts.get(start..)?.split('\0').next()?))
    }
}

fn has_leaf(unit: u32) -> bool {
    unit >> 8 & 1 == 1
}

fn value(unit: u32) -> usize {
    (unit & 0x7fff_ffff) as usize
}

fn label(unit: u32) -> u32 {
    unit & 0x8000_00ff
}

fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_ends_early_is_an_error() {
        assert!(CharMap::read(b"\x01\0").unwrap_err().contains("2 bytes"));
        assert!(CharMap::read(b"\x08\0\0\0abcd").unwrap_err().contains("8 bytes, fewer than it says"));
        assert!(CharMap::read(b"\0\0\0\0\xff").unwrap_err().contains("utf-8"));
        let long = [&[0; 4][..], &[b'a'; 301]].concat();
        assert!(CharMap::read(&long).unwrap_err().contains("301 bytes for one, more than the limit of 300"));
    }

    #[test]
    fn units_that_lead_outside_the_array_replace_nothing() {
        let unit = |offset: u32| (offset << 10).to_le_bytes();
        let map = [&8_u32.to_le_bytes()[..], &unit(1), &unit(0x1f_ffff), b"x\0"].concat();
        let map = CharMap::read(&map).unwrap();
        assert_eq!(map.longest(b"abc"), None);
        assert_eq!(map.longest(b"\0\0"), None);
        assert_eq!(CharMap::read(&[0; 4]).unwrap().longest(b"a"), None);
    }
}
