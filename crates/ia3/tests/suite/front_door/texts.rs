//! Texts instead of token ids, where the base has a tokenizer.

use ia3::data::{Fields, Layout, Template};
use ia3::train::{Example, evaluate};
use ia3::{Adapter, Examples, Ia3Config};

use super::with_tokenizer;

const PAIRS: [(&str, &str); 3] =
    [("time: 14:05", "two oh five pm"), ("number: 7", "seven"), ("number: 21", "twenty one")];

#[test]
fn texts_of_different_lengths_are_one_batch() {
    let base = with_tokenizer();
    let texts = PAIRS.map(|(input, _)| input);
    let together = base.generate(texts).run().unwrap();
    let alone = texts.map(|text| base.generate(text).run().unwrap().to_string());
    assert_eq!(together.to_string(), alone.join("\n"));
    assert_eq!(together.texts.as_deref(), Some(alone.as_slice()));
    assert_eq!(alone[0], "two oh five pm");
    let ids = texts.map(|text| base.tokenizer().unwrap().unwrap().encode(text, None).unwrap());
    assert_eq!(base.generate(ids).run().unwrap(), together);
    let owned: Vec<String> = texts.map(str::to_string).to_vec();
    assert_eq!(base.generate(&owned).run().unwrap(), together);
    assert_eq!(base.decode(&together.ids[0]).unwrap(), alone[0]);
}

#[test]
fn examples_of_all_forms_are_the_same_ids() {
    let base = with_tokenizer();
    let text = base.tokenizer().unwrap().unwrap();
    let ids = |text_: &str| text.encode(text_, None).unwrap();
    let pairs = PAIRS.map(|(input, target)| (ids(input), ids(target)));
    let expected: Vec<Vec<Example>> =
        pairs.iter().map(|(input, target)| vec![Example::new(input.clone(), target.clone())]).collect();
    let owned: Vec<(String, String)> = PAIRS.map(|(a, b)| (a.to_string(), b.to_string())).to_vec();
    let forms: [Examples; 5] = [
        PAIRS.into(),
        (&owned).into(),
        pairs.clone().into(),
        expected.concat().into(),
        base.encode(PAIRS).unwrap().into(),
    ];
    for form in forms {
        assert_eq!(base.encode(form).unwrap().rows, expected);
    }
    let cut = base.encode(Examples::from(PAIRS).with_max_input_tokens(4).with_max_target_tokens(2)).unwrap();
    let lengths = |example: &Example| (example.input.len(), example.target.tokens().unwrap().len());
    assert_eq!(cut.rows.concat().iter().map(lengths).collect::<Vec<_>>(), [(4, 2); 3]);
}

#[test]
fn a_file_is_trained_on_and_evaluated() {
    let base = with_tokenizer();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.jsonl");
    let row =
        |(input, target): (&str, &str)| format!("{{\"input\": \"{input}\", \"target\": \"{target}\"}}\n");
    std::fs::write(&path, PAIRS.map(row).concat()).unwrap();
    let data = base.encode(Examples::json_lines(&path)).unwrap();
    assert_eq!(data.rows, base.encode(PAIRS).unwrap().rows);

    let adapter = Adapter::new(&Ia3Config::new(), &base).unwrap();
    let model = base.with_adapter(&adapter).unwrap();
    let trained = model.train(Examples::json_lines(&path)).steps(2).run().unwrap();
    assert_eq!(trained.report.losses, model.train(PAIRS).steps(2).run().unwrap().report.losses);
    let evaluation = base.evaluate(Examples::json_lines(&path)).run().unwrap();
    assert_eq!(evaluation, evaluate(base.module(), &data.rows.concat(), 32).unwrap());

    let asked = dir.path().join("asked.jsonl");
    std::fs::write(&asked, "{\"question\": \"number: 7\", \"answer\": \"seven\"}\n").unwrap();
    let fields = Fields::new().with_input("question").with_target("answer");
    let by_fields = base.encode(Examples::json_lines(&asked).with_layout(Layout::Fields(fields))).unwrap();
    let template = Template::new("asked", "{{ question }} ||| {{ answer }}", None).unwrap();
    let layout = Layout::Templates { templates: vec![template], seed: 0 };
    let by_template = base.encode(Examples::json_lines(&asked).with_layout(layout)).unwrap();
    assert_eq!(by_fields.rows, by_template.rows);
    assert_eq!(by_fields.rows, base.encode([PAIRS[1]]).unwrap().rows);
}

#[test]
fn texts_end_where_transformers_ends_them() {
    let base = with_tokenizer();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/generation.json");
    let cases = std::fs::read_to_string(path).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
    let cases = cases["stop"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let texts = case["stop"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str);
        let generated = base.generate(case["prompt"].as_str().unwrap()).stop_strings(texts).run().unwrap();
        let expected: Vec<i64> =
            case["ids"].as_array().unwrap().iter().filter_map(serde_json::Value::as_i64).collect();
        assert_eq!(generated.ids[0], expected, "{case}");
    }
}
