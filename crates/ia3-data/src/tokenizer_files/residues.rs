//! `vocab.txt` of ESM: a token for each amino acid.

use serde_json::{Map, Value, json};

use super::class::TokenizerClass;
use super::config::TokenizerConfig;
use crate::tokenizer_parts::Parts;

/// The text of the `tokenizer.json`; `lines` are the tokens, whose places are their ids. Each token is found wherever it is in a text, and
/// what is left between spaces is unknown.
pub(super) fn json(lines: &str, config: &TokenizerConfig) -> Value {
    let special = TokenizerClass::Esm.special_tokens();
    let content = |name| config.token(name, special).map(|token| token.content);
    let special_tokens: Vec<String> = special.iter().filter_map(|(name, _)| content(name)).collect();
    let tokens = || lines.lines().map(str::trim).enumerate();
    let vocab: Map<String, Value> =
        tokens().map(|(id, token)| (token.to_string(), Value::from(id))).collect();
    // The special ones are added later, with their flags.
    let found = tokens().filter(|(_, token)| !special_tokens.iter().any(|special| special == token));
    let added = found.map(|(id, token)| {
        json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false})
    });
    let unknown = content("unk_token").unwrap_or_default();
    let model = json!({"type": "WordLevel", "unk_token": unknown, "vocab": vocab});
    let pre_tokenizer = json!({"type": "WhitespaceSplit"});
    Parts { normalizer: Value::Null, pre_tokenizer, decoder: Value::Null, model }
        .json(added.collect(), Value::Null)
}

#[cfg(test)]
mod tests {
    use crate::tokenizer::Tokenizer;

    #[test]
    fn residues_are_those_of_transformers() {
        let dir = tempfile::tempdir().unwrap();
        let tokens =
            "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>";
        std::fs::write(dir.path().join("vocab.txt"), tokens.replace(' ', "\n")).unwrap();
        std::fs::write(dir.path().join("config.json"), r#"{"model_type": "esm"}"#).unwrap();
        let tokenizer = Tokenizer::of_base(dir.path()).unwrap().unwrap();
        let ids = tokenizer.encode("MKTAYIAK <mask>QRQIS\nFVKS<null_1> mk. L-L J<eos>", None).unwrap();
        // The ids of EsmTokenizer in transformers 5.
        let expected = [
            0, 20, 15, 11, 5, 19, 12, 5, 15, 32, 16, 10, 16, 12, 8, 18, 7, 15, 8, 31, 3, 29, 4, 30, 4, 3, 2,
            2,
        ];
        assert_eq!(ids, expected);
        assert_eq!(tokenizer.decode(&ids).unwrap(), "M K T A Y I A K Q R Q I S F V K S <null_1> . L - L");
    }
}
