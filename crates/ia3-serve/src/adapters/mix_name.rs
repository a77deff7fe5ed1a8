//! Names of requests that mix several adapters.

use ia3::core::MixMethod;

use crate::error::ServeError;

/// The most adapters of a mix.
const MAX_PARTS: usize = 8;

/// What the name of an adapter in a request means.
#[derive(Debug, PartialEq)]
pub(super) enum Named<'a> {
    /// The adapter of this name.
    One(&'a str),
    /// Several adapters with their weights, and the formula that makes one of them.
    Mix(Vec<(&'a str, f32)>, MixMethod),
}

/// Whether a name mixes adapters. No adapter has such a name.
pub(super) fn is_mix(name: &str) -> bool {
    name.contains([':', '*', ','])
}

impl<'a> Named<'a> {
    /// Reads `a`, `a:0.7,b:0.3` (the weighted sum of the vectors, as PEFT's `add_weighted_adapter`), or `a*b` (their product).
    pub(super) fn parse(name: &'a str) -> Result<Self, ServeError> {
        let wrong = |problem: &str| ServeError::Adapter { name: name.into(), reason: problem.into() };
        let parts: Vec<(&str, f32)> = match (name.contains('*'), is_mix(name)) {
            (_, false) => return Ok(Self::One(name)),
            (true, _) if name.contains([':', ',']) => {
                return Err(wrong(
                    "a product (`a*b`) has no weights; write `a:0.7,b:0.3` for a weighted sum",
                ));
            }
            (true, _) => name.split('*').map(|part| (part, 1.0)).collect(),
            (false, _) => {
                let part = |part: &'a str| {
                    let (name, weight) = part.rsplit_once(':')?;
                    Some((name, weight.parse().ok().filter(|weight: &f32| weight.is_finite())?))
                };
                let parts: Option<_> = name.split(',').map(part).collect();
                parts.ok_or_else(|| wrong("a mix needs a weight for each adapter, as in `a:0.7,b:0.3`"))?
            }
        };
        if parts.len() > MAX_PARTS || parts.iter().any(|(name, _)| name.is_empty()) {
            return Err(wrong(&format!("a mix names 1 to {MAX_PARTS} adapters")));
        }
        let method = if name.contains('*') { MixMethod::Product } else { MixMethod::Linear };
        Ok(Self::Mix(parts, method))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        assert_eq!(Named::parse("a b").unwrap(), Named::One("a b"));
        let sum = Named::Mix(vec![("a", 0.7), ("b", -0.3)], MixMethod::Linear);
        assert_eq!(Named::parse("a:0.7,b:-0.3").unwrap(), sum);
        assert_eq!(Named::parse("a:2").unwrap(), Named::Mix(vec![("a", 2.0)], MixMethod::Linear));
        let product = Named::Mix(vec![("a", 1.0), ("b", 1.0)], MixMethod::Product);
        assert_eq!(Named::parse("a*b").unwrap(), product);
    }

    #[test]
    fn what_is_no_mix_is_refused_with_an_example() {
        for name in ["a,b", "a:x", "a:nan", "a:inf,b:1", "a:1,", ":1", "a*b:2", "a**b", "a:1,b", "*"] {
            let error = Named::parse(name).unwrap_err().to_string();
            assert!(error.contains("mix") || error.contains("a:0.7,b:0.3"), "{error}");
        }
        let many = ["a"; 9].join("*");
        assert!(Named::parse(&many).unwrap_err().to_string().contains("1 to 8 adapters"));
    }
}
