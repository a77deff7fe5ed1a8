//! What a user reads.

use crate::common::*;
use ia3_config::{Ia3Config, ModelInfo, PyRegex, TaskType};
use insta::assert_snapshot;

fn config() -> Ia3Config {
    Ia3Config::new()
}

#[test]
fn plan_of_t5() {
    assert_snapshot!(plan(&config(), &t5()), @"
    16 vectors, 152 trainable parameters
      target  layers  scales  length  parameters
      k            6  output       6          36
      v            6  output       6          36
      wo           4  input       20          80
    ignored: lm_head (1), o (6), q (6), wi (4)
    ");
}

#[test]
fn plan_of_gpt2() {
    assert_snapshot!(plan(&config(), &gpt2()), @"
    4 vectors, 84 trainable parameters
      target      layers  scales  length  parameters
      c_attn           2  output      18          36
      mlp.c_proj       2  input       24          48
    ignored: c_fc (2), c_proj (2), lm_head (1)
    note: fan_in_fan_out was set to true, because transformer.h.0.attn.c_attn is a Conv1D, whose weight is [in, out]
    ");
}

#[test]
fn plan_of_everything_linear() {
    let config = config().with_target_modules("all-linear").with_feedforward_modules(["down_proj"]);
    assert_snapshot!(plan(&config, &llama()), @"
    14 vectors, 120 trainable parameters
      target     layers  scales  length  parameters
      q_proj          2  output       8          16
      k_proj          2  output       4           8
      v_proj          2  output       4           8
      o_proj          2  output       8          16
      gate_proj       2  output      12          24
      up_proj         2  output      12          24
      down_proj       2  input       12          24
    ignored: lm_head (1)
    note: PEFT would not load feedforward_modules down_proj, because target_modules does not contain it; the saved lists select the same layers by other names
    ");
}

#[test]
fn plan_with_exclusions_heads_and_misses() {
    let config = config()
        .with_target_modules(["key", "dense", "valeu"])
        .with_feedforward_modules(["output.dense", "wo"])
        .with_exclude_modules(["pooler.dense", "zzz"])
        .with_task_type(TaskType::SeqCls);
    let plan = config.plan_with(&bert(), LENIENT).unwrap();
    assert_snapshot!(plan, @r#"
    8 vectors, 64 trainable parameters
      target  layers  scales  length  parameters
      key          2  output       6          12
      dense        4  input    6..10          32
      dense        2  output      10          20
    trained and saved whole: classifier (1)
    excluded: classifier (1), dense (1)
    ignored: query (2), value (2)
    unmatched: no module matches target "valeu"; closest: "value" (2 modules), "dense" (7 modules), "query" (2 modules)
    unmatched: you have passed exclude_modules "zzz" but no modules were excluded by it; closest: "dense" (7 modules), "LayerNorm" (4 modules), "output" (4 modules)
    unmatched: no target matches feedforward_modules "wo"; closest: "dense" (6 modules), "key" (2 modules)
    note: PEFT would not load feedforward_modules output.dense, wo, because target_modules does not contain them; the saved lists select the same layers by other names
    "#);
}

#[test]
fn plan_with_a_loose_feedforward_name() {
    let config = config().with_target_modules(["o", "wo"]).with_feedforward_modules(["o"]);
    assert_snapshot!(plan(&config, &t5()), @r#"
    10 vectors, 116 trainable parameters
      target  layers  scales  length  parameters
      o            6  input        6          36
      wo           4  input       20          80
    ignored: k (6), lm_head (1), q (6), v (6), wi (4)
    note: the feedforward name "o" also matches the ends of longer names, so it scales the inputs of encoder.block.0.layer.1.DenseReluDense.wo and 3 more
    "#);
}

fn failure(config: Ia3Config, model: &ModelInfo) -> String {
    error(&config, model).to_string()
}

#[test]
fn planning_errors() {
    let bare = ModelInfo { model_type: None, ..t5() };
    let mamba = ModelInfo { model_type: Some("mamba".into()), ..t5() };
    let messages = [
        failure(config(), &bare),
        failure(config().with_target_modules(["k"]), &mamba),
        failure(config().with_target_modules([]), &t5()),
        failure(config().with_target_modules(["q_prj"]), &llama()),
        failure(config().with_target_modules("q_proj"), &llama()),
        failure(config().with_target_modules(["q_proj", "mlp.up_prj"]), &llama()),
        failure(config().with_exclude_modules(["down"]), &llama()),
        failure(config().with_modules_to_save(["lm_hed"]), &llama()),
        failure(config().with_exclude_modules(".*"), &t5()),
        failure(config().with_target_modules(["k"]).with_exclude_modules([".k", "k"]), &bert_like_t5()),
        failure(config().with_target_modules(["SelfAttention"]), &t5()),
        failure(config().with_target_modules(["shared"]), &t5()),
        failure(config().with_target_modules("(k"), &t5()),
    ];
    assert_snapshot!(messages.join("\n"), @r#"
    please specify `target_modules` in the configuration: there is no default for a model without a model type
    please specify `feedforward_modules` in the configuration: there is no default for model type "mamba"; with an empty list all vectors scale outputs
    no `target_modules` passed: the field is empty; name the modules to adapt, or leave the field out to adapt the default modules
    target modules not found in the base model: no module matches target "q_prj"; closest: "q_proj" (2 modules), "k_proj" (2 modules), "o_proj" (2 modules)
    target modules not found in the base model: no module matches target "q_proj", which is a regular expression that must match whole paths; write the list ["q_proj"] or the pattern `.*\.q_proj`; closest: "q_proj" (2 modules), "k_proj" (2 modules), "o_proj" (2 modules)
    no module matches target "mlp.up_prj"; closest: "mlp.up_proj" (2 modules), "mlp.down_proj" (2 modules), "mlp.gate_proj" (2 modules)
    you have passed exclude_modules "down" but no modules were excluded by it; closest: "down_proj" (2 modules), "norm" (1 module), "model" (1 module)
    no module ends with modules_to_save "lm_hed"; closest: "lm_head" (1 module), "model" (1 module), "layers" (1 module)
    all modules were excluded (80 of 80); check `target_modules`, `exclude_modules` and `modules_to_save`
    no modules were targeted for adaptation: `exclude_modules` or `modules_to_save` excludes every module that `target_modules` selects ("a.k"); this might be caused by a combination of mismatched target modules and excluded modules
    target module `encoder.block.0.layer.0.SelfAttention` is not supported: it is Container, but only Linear, Conv1D, Conv2d and Conv3d can be scaled; target the layers inside it: "q", "k", "v", "o"
    target module `shared` is not supported: it is Embedding(30, 8), but only Linear, Conv1D, Conv2d and Conv3d can be scaled; remove it from `target_modules` or add it to `exclude_modules`
    invalid regular expression `(k`: unclosed group
    "#);
}

fn bert_like_t5() -> ModelInfo {
    model("t5", [("a.k", linear(2, 2)), ("a.q", linear(2, 2))])
}

#[test]
fn validation_errors() {
    let subset = config().with_target_modules(["k", "v"]).with_feedforward_modules(["wo", "k"]).validate();
    let saved = config().with_modules_to_save(["[head"]).validate();
    assert_snapshot!(format!("{}\n{}", subset.unwrap_err(), saved.unwrap_err()), @r#"
    `feedforward_modules` should be a subset of `target_modules`: "wo" is not in the targets ["k", "v"]; add the same names to `target_modules`
    unsupported in the regular expression `(^|.*\.)[head($|\..*)`: `[` opens a class that does not end; write `\[` for the character
    "#);
}

#[test]
fn reading_errors() {
    let documents = [
        "",
        "[]",
        r#"{"peft_type": "IA3""#,
        r#"{"target_modules": ["k"]}"#,
        r#"{"peft_type": null}"#,
        r#"{"peft_type": "LORA", "target_modules": {"not": "ours"}}"#,
        r#"{"peft_type": "ia3"}"#,
        r#"{"peft_type": 3}"#,
        r#"{"peft_type": "IA3", "target_modules": ["k", 3]}"#,
        r#"{"peft_type": "IA3", "target_modules": 3}"#,
        r#"{"peft_type": "IA3", "modules_to_save": "classifier"}"#,
        r#"{"peft_type": "IA3", "fan_in_fan_out": "yes"}"#,
        r#"{"peft_type": "IA3", "task_type": "TRANSLATION"}"#,
        r#"{"peft_type": "IA3", "revision": null, "revision": "main"}"#,
        r#"{"peft_type": "IA3", "new": 1, "new": 2}"#,
        r#"{"peft_type": "IA3"} {}"#,
    ];
    let message = |text: &str| Ia3Config::from_json(text).unwrap_err().to_string();
    assert_snapshot!(documents.map(message).join("\n"), @r#"
    invalid adapter configuration at `.`: EOF while parsing a value at line 1 column 0
    invalid adapter configuration at `.`: invalid type: sequence, expected a map at line 1 column 0
    invalid adapter configuration at `?`: EOF while parsing an object at line 1 column 19
    `peft_type` is missing; an (IA)³ configuration says "peft_type": "IA3"
    `peft_type` is missing; an (IA)³ configuration says "peft_type": "IA3"
    `peft_type` is "LORA", expected "IA3" (upper case); the file is not an (IA)³ configuration
    `peft_type` is "ia3", expected "IA3" (upper case); the file is not an (IA)³ configuration
    `peft_type` is 3, expected "IA3" (upper case); the file is not an (IA)³ configuration
    invalid adapter configuration at `target_modules[1]`: invalid type: integer `3`, expected a string at line 1 column 46
    invalid adapter configuration at `target_modules`: invalid type: integer `3`, expected a list of module names, a regular expression as a string, or null at line 1 column 40
    invalid adapter configuration at `modules_to_save`: invalid type: string "classifier", expected a sequence at line 1 column 52
    invalid adapter configuration at `fan_in_fan_out`: invalid type: string "yes", expected a boolean at line 1 column 44
    invalid adapter configuration at `task_type`: unknown variant `TRANSLATION`, expected one of `SEQ_CLS`, `SEQ_2_SEQ_LM`, `CAUSAL_LM`, `TOKEN_CLS`, `QUESTION_ANS`, `FEATURE_EXTRACTION` at line 1 column 47
    invalid adapter configuration at `.`: duplicate field `revision` at line 1 column 49
    invalid adapter configuration at `.`: duplicate field `new` at line 1 column 40
    invalid adapter configuration at `.`: trailing characters at line 1 column 22
    "#);
    assert_snapshot!("translation".parse::<TaskType>().unwrap_err(), @r#"invalid task type "translation"; must be one of SEQ_CLS, SEQ_2_SEQ_LM, CAUSAL_LM, TOKEN_CLS, QUESTION_ANS, FEATURE_EXTRACTION"#);
}

#[test]
fn pattern_errors() {
    let patterns = [
        "(k",
        "k)",
        "[b-a]",
        "*",
        "a**",
        "a{3,2}",
        "[a&&b]",
        "[[:alpha:]]",
        r"\<k",
        r"\pL",
        r"\N{DASH}",
        r"\071",
        "k(?i)",
        "(?a)k",
        "(?<n>k)",
        "(?P<n>k)(?P<n>k)",
        "(?(n)a)",
        "a(?#why)+",
        "[a",
        "a\\",
        "a{9999999}",
    ];
    let message = |pattern| PyRegex::new(pattern).unwrap_err().to_string();
    assert_snapshot!(patterns.map(message).join("\n"), @r"
    invalid regular expression `(k`: unclosed group
    unsupported in the regular expression `k)`: `)` closes no group; write `\)` for the character
    invalid regular expression `[b-a]`: invalid character class range, the start must be <= the end
    unsupported in the regular expression `*`: `*` has nothing to repeat
    unsupported in the regular expression `a**`: `*` repeats a repetition; put a group around it
    unsupported in the regular expression `a{3,2}`: `{3,2}` has an upper bound below its lower bound
    unsupported in the regular expression `[a&&b]`: `&&` is a set operation in Rust; escape the characters
    unsupported in the regular expression `[[:alpha:]]`: `[` inside a class opens a nested class in Rust; write `\[`
    unsupported in the regular expression `\<k`: `\<` is a word boundary in Rust; write the character without `\`
    unsupported in the regular expression `\pL`: `\p` is not an escape of Python
    unsupported in the regular expression `\N{DASH}`: `\N` selects a character by its name; write the character itself
    unsupported in the regular expression `\071`: `\0` is an octal escape; write `\xhh`
    unsupported in the regular expression `k(?i)`: `(?i)` must stand at the start of the pattern
    unsupported in the regular expression `(?a)k`: `(?a` selects Python's ASCII mode; leave it out, because module paths are ASCII
    unsupported in the regular expression `(?<n>k)`: `(?<` is not a group of Python
    unsupported in the regular expression `(?P<n>k)(?P<n>k)`: `n` is the name of two groups
    unsupported in the regular expression `(?(n)a)`: `(?(` needs the number or the name of a group that comes before
    unsupported in the regular expression `a(?#why)+`: `+` follows a comment; move the comment after it
    unsupported in the regular expression `[a`: `[` opens a class that does not end; write `\[` for the character
    unsupported in the regular expression `a\`: `\` ends the pattern; write `\\` for the character
    invalid regular expression `a{9999999}`: Compiled regex exceeds size limit of 10485760 bytes.
    ");
}
