//! Tokenizers of all forms that a folder may have, against the ids of transformers, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use ia3_data::Tokenizer;
use serde_json::{Value, json};

pub(super) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tokenizers")
}

/// A folder with the files of a case.
pub(super) fn folder(files: &Value, vocabularies: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files.as_object().unwrap() {
        let path = dir.path().join(name);
        match content.as_str() {
            Some(vocabulary) => drop(fs::copy(vocabularies.join(vocabulary), path).unwrap()),
            None => fs::write(path, content.to_string()).unwrap(),
        }
    }
    dir
}

fn open(files: Value) -> Result<Option<Tokenizer>, String> {
    let dir = folder(&files, &fixtures());
    Tokenizer::of_base(dir.path())
        .map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), "DIR"))
}

#[test]
fn a_target_that_is_cut_keeps_the_code_of_its_language() {
    let vocabularies = fixtures().join("../sentencepiece");
    for (name, code, is_first) in [("MBart", "fr_XX", false), ("MBart50", "fr_XX", true)] {
        let config =
            json!({"tokenizer_class": format!("{name}Tokenizer"), "src_lang": "en_XX", "tgt_lang": code});
        let files = json!({"sentencepiece.bpe.model": "unigram.model", "tokenizer_config.json": config});
        let dir = folder(&files, &vocabularies);
        let tokenizer = Tokenizer::of_base(dir.path()).unwrap().unwrap();
        let ids = tokenizer.encode_target("the dog then the dog", Some(4)).unwrap();
        let code = tokenizer.id_of(code).unwrap();
        assert_eq!((ids.len(), ids[if is_first { 0 } else { 3 }]), (4, code), "{name}");
        let source = tokenizer.encode("the dog then the dog", Some(4)).unwrap();
        assert_eq!(source.iter().position(|id| *id == code), None, "{name}");
        assert!(tokenizer.encode_target("the", Some(2)).is_err());
    }
    let config = json!({"tokenizer_class": "MBartTokenizer", "tgt_lang": "French"});
    let dir = folder(
        &json!({"sentencepiece.bpe.model": "unigram.model", "tokenizer_config.json": config}),
        &vocabularies,
    );
    let error = Tokenizer::of_base(dir.path()).unwrap_err().to_string();
    assert!(error.contains("`French` is no token") && error.contains("`tgt_lang`"), "{error}");
}

/// Compares all ids of a file of cases, and the texts that they decode to if the file has them. Returns how many texts and pairs
/// were compared.
fn compare(cases: &Path) -> usize {
    let read = |value: &Value| -> Vec<i64> { serde_json::from_value(value.clone()).unwrap() };
    let dir = cases.parent().unwrap();
    let cases: Value = serde_json::from_str(&fs::read_to_string(cases).unwrap()).unwrap();
    let (mut compared, mut wrong) = (0, vec![]);
    for (name, case) in cases["cases"].as_object().unwrap() {
        let files = folder(&case["files"], dir);
        let tokenizer = Tokenizer::of_base(files.path()).unwrap().unwrap();
        let texts = cases["texts"].as_array().unwrap();
        for (text, ids) in texts.iter().zip(case["ids"].as_array().unwrap()) {
            let found = tokenizer.encode(text.as_str().unwrap(), None).unwrap();
            compared += 1;
            if found != read(ids) {
                wrong.push(format!("{name} {text}\n  {found:?}\n  {ids}"));
            }
        }
        let targets = case["targets"].as_array().into_iter().flatten();
        for (text, ids) in texts.iter().zip(targets) {
            let found = tokenizer.encode_target(text.as_str().unwrap(), None).unwrap();
            compared += 1;
            if found != read(ids) {
                wrong.push(format!("{name} target {text}\n  {found:?}\n  {ids}"));
            }
        }
        let decoded = case["decoded"].as_array().into_iter().flatten();
        let of_texts = case["ids"].as_array().unwrap().iter().map(read).zip(decoded);
        // All ids of the vocabulary, one after another.
        let all =
            case["all_decoded"].as_array().map(|all| ((0..all[0].as_i64().unwrap()).collect(), &all[1]));
        for (ids, text) in of_texts.chain(all) {
            let found = tokenizer.decode(&ids).unwrap();
            compared += 1;
            if found != text.as_str().unwrap() {
                wrong.push(format!("{name} {ids:?} is\n  {found:?}\n  {text}"));
            }
        }
        for (pair, expected) in
            cases["pairs"].as_array().unwrap().iter().zip(case["pairs"].as_array().unwrap())
        {
            let [first, second] = [0, 1].map(|i| pair[i].as_str().unwrap());
            let (ids, types) = tokenizer.encode_pair(first, second, None).unwrap();
            compared += 1;
            if ids != read(&expected[0])
                || ((name.starts_with("bert") || name.starts_with("deberta_v2"))
                    && types != read(&expected[1]))
            {
                wrong.push(format!("{name} {pair}\n  {ids:?} {types:?}\n  {expected}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    compared
}

#[test]
fn ids_are_those_of_transformers_for_every_form_of_files() {
    let compared = |cases: &str| compare(&fixtures().join(cases));
    assert!(compared("cases.json") > 500);
    assert!(compared("../sentencepiece/cases.json") > 350);
    assert!(compared("../sentencepiece/more_cases.json") > 1_900);
    assert!(compared("../sentencepiece/translator_cases.json") > 700);
}

/// `gen_tokenizers.py --texts N` makes the cases, and so does `gen_sentence_pieces.py`.
#[test]
fn ids_of_many_random_texts_are_those_of_transformers() {
    match std::env::var_os("IA3_TOKENIZER_CASES") {
        Some(dir) => {
            let files = ["cases.json", "more_cases.json", "translator_cases.json"]
                .map(|file| Path::new(&dir).join(file));
            let compared: usize = files.iter().filter(|file| file.exists()).map(|file| compare(file)).sum();
            println!("{compared} texts and pairs compared");
        }
        None => ia3_testing::skip("IA3_TOKENIZER_CASES names no folder with the ids of many texts"),
    }
}

/// `gen_pairs.py` makes them: the ids and types of pairs with and without a largest number of ids. A class without types gives none,
/// and no model with such a tokenizer has them.
#[test]
fn pairs_are_those_of_transformers_truncated_or_not() {
    let text = fs::read_to_string(fixtures().join("pairs.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let mut compared = 0;
    for (name, case) in expected["cases"].as_object().unwrap() {
        let files = folder(&case["files"], &fixtures());
        let tokenizer = Tokenizer::of_base(files.path()).unwrap().unwrap();
        for (index, pair) in expected["pairs"].as_array().unwrap().iter().enumerate() {
            let [first, second] = [0, 1].map(|i| pair[i].as_str().unwrap());
            let max = pair[2].as_u64().map(|max| max as usize);
            let (ids, types) = tokenizer.encode_pair(first, second, max).unwrap();
            assert_eq!(json!(ids), case["ids"][index], "{name}: {pair}");
            if !case["types"][index].is_null() {
                assert_eq!(json!(types), case["types"][index], "{name}: {pair}");
            }
            compared += usize::from(max.is_none_or(|max| ids.len() == max));
        }
    }
    assert!(compared > 400, "{compared}");
}

#[test]
fn a_pair_is_truncated_where_it_is_longer() {
    let tokenizer =
        open(json!({"tokenizer_config.json": {"tokenizer_class": "ByT5Tokenizer"}})).unwrap().unwrap();
    let pair = |first: &str, second: &str, max| {
        let (ids, types) = tokenizer.encode_pair(first, second, Some(max)).unwrap();
        assert_eq!(ids.len(), types.len());
        tokenizer.decode(&ids).unwrap()
    };
    assert_eq!(pair("abc", "defgh", 10), "abcdefgh");
    assert_eq!(pair("abc", "defgh", 8), "abcdef");
    assert_eq!(pair("abcdef", "ghijkl", 9), "abcghij");
    assert_eq!(pair("abcdefg", "ghijkl", 9), "abcdghi");
    assert_eq!(pair("abcdefg", "gh", 7), "abcgh");
    let error = tokenizer.encode_pair("a", "b", Some(2)).unwrap_err().to_string();
    assert!(error.contains('2'), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_left_out_of_what_is_decoded() {
    let tokenizer =
        open(json!({"tokenizer_config.json": {"tokenizer_class": "ByT5Tokenizer"}})).unwrap().unwrap();
    let ids = tokenizer.encode("Köln <extra_id_0> 😀", None).unwrap();
    assert_eq!(tokenizer.decode(&ids).unwrap(), "Köln  😀");
    // The bytes `ff`, `61` and the first of two.
    assert_eq!(tokenizer.decode(&[0xff + 3, 0x61 + 3, 0xc3 + 3]).unwrap(), "a");
}

#[test]
fn other_files_are_refused_with_the_conversion() {
    let error =
        open(json!({"spiece.model": {}, "tokenizer_config.json": {"tokenizer_class": "AlbertTokenizer"}}));
    assert_eq!(
        error.unwrap_err(),
        "cannot read DIR/spiece.model: a tokenizer of the class `AlbertTokenizer` is read from tokenizer.json only; \
         write it with python -c \"from transformers import AutoTokenizer; AutoTokenizer.from_pretrained('DIR').save_pretrained('DIR')\", \
         with DIR for DIR"
    );
    let whisper = open(json!({"vocab.json": {}, "config.json": {"model_type": "whisper"}})).unwrap_err();
    assert!(whisper.contains("without a `tokenizer_class` is read from tokenizer.json only"), "{whisper}");
    let code = open(
        json!({"tokenizer.model": {}, "tokenizer_config.json": {"tokenizer_class": "CodeLlamaTokenizer"}}),
    );
    assert!(code.unwrap_err().contains("`CodeLlamaTokenizer` is read from tokenizer.json only"));
    let backend = open(json!({"spiece.model": {}, "config.json": {"model_type": "llama"}})).unwrap_err();
    assert!(backend.starts_with("cannot read DIR/spiece.model: a tokenizer without"), "{backend}");
    assert!(open(json!({"vocab.txt": "vocab.txt"})).unwrap_err().contains("without a `tokenizer_class`"));
    assert!(open(json!({"config.json": {"model_type": "bert"}})).unwrap().is_none());
    let half = open(json!({"vocab.json": "vocab.json", "config.json": {"model_type": "gpt2"}})).unwrap_err();
    assert!(half.contains("vocab.json: a tokenizer"), "{half}");
}

#[test]
fn a_model_with_a_version_behind_its_name_is_refused_with_the_name_that_is_read() {
    for files in [
        json!({"tokenizer.model.v3": {}, "config.json": {"model_type": "mistral"}}),
        json!({"tokenizer.model.v3": {}, "tokenizer.model.v7": {}, "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer"}}),
    ] {
        assert_eq!(
            open(files).unwrap_err(),
            "cannot read DIR/tokenizer.model.v3: a model is read under the name tokenizer.model only, as in transformers; \
             copy the file to it"
        );
    }
}

/// A folder with a model of `fixtures/sentencepiece` and this `tokenizer_config.json`.
fn with_pieces(name: &str, model: &str, config: Value) -> Result<Option<Tokenizer>, String> {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(fixtures().join("../sentencepiece").join(model), dir.path().join(name)).unwrap();
    fs::write(dir.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    Tokenizer::of_base(dir.path())
        .map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), "DIR"))
}

#[test]
fn models_of_another_kind_and_languages_that_are_no_tokens_are_refused() {
    let class = |name: &str| json!({"tokenizer_class": name});
    let error = |name: &str, model: &str, config| with_pieces(name, model, config).unwrap_err();
    assert_eq!(
        error("sentencepiece.bpe.model", "pairs.model", class("XLMRobertaTokenizer")),
        "cannot read DIR/sentencepiece.bpe.model: it is a model of BPE, expected one of unigrams"
    );
    for class_name in ["LlamaTokenizer", "GemmaTokenizer"] {
        let unigram = error("tokenizer.model", "unigram.model", class(class_name));
        assert!(unigram.ends_with("it is a model of unigrams, expected one of BPE"), "{unigram}");
    }
    for class_name in ["CamembertTokenizer", "MBart50Tokenizer", "DebertaV2Tokenizer"] {
        let pairs = error("tokenizer.model", "pairs.model", class(class_name));
        assert!(pairs.ends_with("it is a model of BPE, expected one of unigrams"), "{pairs}");
    }
    let codes = error("sentencepiece.bpe.model", "pairs.model", class("NllbTokenizer"));
    assert!(codes.contains("the language `eng_Latn` is no token; name the codes"), "{codes}");
    let language = json!({"tokenizer_class": "MBartTokenizer", "src_lang": "xx_YY"});
    let language = error("sentencepiece.bpe.model", "unigram.model", language);
    assert!(language.contains("the language `xx_YY` is no token"), "{language}");
    let same = json!({"tokenizer_class": "NllbTokenizer", "pad_token": "</s>", "extra_special_tokens": ["eng_Latn"]});
    let same = error("sentencepiece.bpe.model", "pairs.model", same);
    assert!(same.contains("two of the special tokens <s>, </s>, </s>, <unk> are the same"), "{same}");
}

#[test]
fn damaged_files_are_errors_that_name_the_file_and_what_is_wrong() {
    let class = |name: &str| json!({"tokenizer_class": name});
    let error = |files| open(files).unwrap_err();
    assert_eq!(
        error(json!({"spiece.model": "vocab.txt", "tokenizer_config.json": class("T5Tokenizer")})),
        "cannot read DIR/spiece.model: the field 11 has the wire type 3"
    );
    let no_object = error(
        json!({"vocab.json": [], "merges.txt": "merges.txt", "tokenizer_config.json": class("GPT2Tokenizer")}),
    );
    assert!(no_object.starts_with("cannot read DIR/vocab.json: invalid type"), "{no_object}");
    let merges = error(
        json!({"vocab.json": "vocab.json", "merges.txt": "vocab.txt", "tokenizer_config.json": class("GPT2Tokenizer")}),
    );
    assert_eq!(
        merges,
        "cannot read DIR/merges.txt: line 1 is `[PAD]`, expected two tokens with a space between"
    );
    let added = json!({"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {"x": {"content": "a"}}});
    let added = error(json!({"tokenizer.json": "byte_pairs.json", "tokenizer_config.json": added}));
    assert_eq!(added, "cannot read DIR/tokenizer_config.json: `added_tokens_decoder` has the id `x`");
}
