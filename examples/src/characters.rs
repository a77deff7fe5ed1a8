use serde_json::{Map, Value, json};

use crate::verbalise::ALPHABET;

const SPECIAL: [&str; 3] = ["<pad>", "</s>", "<unk>"];

/// Returns a `tokenizer.json` with one token per character: three special tokens, then the alphabet from id 3.
pub fn tokenizer_json() -> Value {
    let tokens = SPECIAL.iter().map(|s| s.to_string()).chain(ALPHABET.chars().map(String::from));
    let vocab: Map<String, Value> = tokens.enumerate().map(|(id, token)| (token, json!(id))).collect();
    let special = |(id, content): (usize, &&str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false, "special": true})
    };
    let (a, b) =
        (json!({"Sequence": {"id": "A", "type_id": 0}}), json!({"Sequence": {"id": "B", "type_id": 0}}));
    let end = json!({"SpecialToken": {"id": "</s>", "type_id": 0}});
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.iter().enumerate().map(special).collect::<Vec<_>>(),
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": null,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [a, end],
            "pair": [a, end, b, end],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
        },
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab, "merges": [],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbalise::{Example, Split, Task};
    use ia3::data::Tokenizer;

    fn tokenizer() -> Tokenizer {
        let json = tokenizer_json().to_string();
        Tokenizer::new(tokenizers::Tokenizer::from_bytes(json.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn every_character_is_a_token_and_texts_come_back() {
        let example = Example { input: "a: 9%".into(), target: ALPHABET.into() };
        let encoded = crate::encode(tokenizer(), &[example]).unwrap();
        assert_eq!(encoded[0].input, [3, 40, 39, 38, 46, 1]);
        let target = encoded[0].target.tokens().unwrap();
        assert_eq!(target, (3..47).chain([1]).collect::<Vec<i64>>());
        assert_eq!(tokenizer().decode(target).unwrap(), ALPHABET);
    }

    #[test]
    fn no_example_holds_an_unknown_character() {
        for task in Task::ALL_MIXTURE.into_iter().chain(Task::HELD_OUT) {
            let encoded = crate::encode(tokenizer(), &task.examples(Split::Train, 50, 1)).unwrap();
            let unknown = |e: &ia3::train::Example| {
                e.input.contains(&2) || e.target.tokens().is_some_and(|ids| ids.contains(&2))
            };
            assert!(!encoded.iter().any(unknown), "{task:?}");
        }
    }
}
