use super::*;

fn row(json: &str) -> Record {
    Record::from_json(json).unwrap()
}

fn rendered(jinja: &str, json: &str) -> String {
    let template = Template::new("t", format!("{jinja} ||| x"), None).unwrap();
    template.render(&row(json), 0).unwrap_or_else(|e| panic!("{e}")).input
}

fn problem(jinja: &str, choices: Option<&str>, json: &str) -> String {
    match Template::new("t", jinja, choices) {
        Ok(template) => template.render(&row(json), 0).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values_are_written_as_python_writes_them() {
    let data = r#"{"b": true, "n": null, "f": 2.0, "i": 3, "l": ["a", "it's", "\"'", 1, false], "d": {"z": 1, "a": null}}"#;
    let written = rendered("{{b}} {{n}} {{f}} {{i}} {{l}} {{d}}", data);
    assert_eq!(written, r#"True None 2.0 3 ['a', "it's", '"\'', 1, False] {'z': 1, 'a': None}"#);
    assert_eq!(rendered("{{ [b, i, n] | join('-') }} {{ b | string }}", data), "True-3-None True");
}

#[test]
fn the_filters_and_methods_of_promptsource_work() {
    let data = r#"{"s": "The quick fox", "l": ["b", "a", "b"], "n": "7"}"#;
    assert_eq!(
        rendered("{{ s.split(' ')[1] }} {{ s.lower() | replace('fox', 'dog') }}", data),
        "quick the quick dog"
    );
    assert_eq!(rendered("{{ (n | int) + 1 }} {{ l | most_frequent | join(', ') }}", data), "8 b");
    assert_eq!(rendered("{{ l.index('a') }} {{ l | unique | list | length }}", data), "1 2");
    assert_eq!(rendered("{% for a, b in zip(l, range(3)) %}{{ a }}{{ b }}{% endfor %}", data), "b0a1b2");
    assert_eq!(
        rendered(
            "{% set ns = namespace(n=0) %}{% for x in l %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
            data
        ),
        "3"
    );
}

#[test]
fn a_seed_fixes_what_is_drawn() {
    let template = Template::new("t", "{{ l | choice }}{{ l | choice }} ||| x", None).unwrap();
    let row = row(r#"{"l": ["a", "b", "c", "d"]}"#);
    let draw = |seed| template.render(&row, seed).unwrap().input;
    let drawn: Vec<String> = (0..20).map(draw).collect();
    assert_eq!(drawn, (0..20).map(draw).collect::<Vec<_>>());
    assert!(drawn.iter().any(|d| *d != drawn[0]) && drawn.iter().any(|d| d[..1] != d[1..]), "{drawn:?}");
}

#[test]
fn a_separator_in_a_field_separates_nothing() {
    let template = Template::new("t", "{{ s }} ||| {{ answer_choices[0] }}", Some("{{ s }} ||| b")).unwrap();
    let example = template.render(&row(r#"{"s": "a ||| c"}"#), 0).unwrap();
    assert_eq!(example.input, "a ||| c");
    assert_eq!(example.answer, Answer::Choices { choices: vec!["a ||| c".into(), "b".into()], answer: 0 });
}

#[test]
fn what_is_wrong_is_named() {
    let data = r#"{"premise": "a", "label": 1}"#;
    let missing = "template `t` uses `hypothesis`, which the row does not have; it has `premise`, `label`";
    assert_eq!(problem("{{ hypothesis }} ||| {{ premise }}", None, data), missing);
    assert_eq!(problem("{% if hypothesis %}a{% endif %} ||| b", None, data), missing);
    let parts = "template `t` gives 1 parts; expected an input and a target with `|||` between them";
    assert_eq!(problem("{{ premise }}", None, data), parts);
    let choice = "template `t` gives the target `Maybe`, which is none of its choices `Yes`, `No`";
    assert_eq!(problem("a ||| Maybe", Some("Yes ||| No"), data), choice);
    assert_eq!(problem("a ||| {% if label == 0 %}b{% endif %}", None, data), "the target is empty");
    let index = problem("a ||| {{ answer_choices[label] }}", Some("Yes"), data);
    assert!(index.starts_with("template `t` fails: undefined value"), "{index}");
    let syntax = problem("{{ premise ||| b", None, data);
    assert!(syntax.starts_with("template `t` is not valid: syntax error"), "{syntax}");
    let filter = problem("{{ premise | nonsense }} ||| b", None, data);
    assert!(filter.contains("nonsense"), "{filter}");
    let reserved = problem("a ||| b", None, r#"{"answer_choices": 1}"#);
    assert!(reserved.contains("the row has a field `answer_choices`"), "{reserved}");
}

#[test]
fn a_template_that_panics_in_the_engine_is_not_valid() {
    for jinja in ["{% import 'prompt' as 0 %}", "{% from 'prompt' import 0 %}"] {
        let refused = problem(jinja, None, r#"{"a": 1}"#);
        assert!(refused.starts_with("template `t` is not valid: "), "{refused}");
    }
}

#[test]
fn a_template_without_an_end_is_given_up() {
    let limit = "template `t` takes more than 1000000 steps for the row, the limit (a step is an instruction, or 64 bytes \
                 of text); does it repeat itself?";
    let doubled = "{% set ns = namespace(s='abcdefgh') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}";
    for jinja in [
        "{% for i in range(90000) %}{% for j in range(90000) %}{{ i }}{% endfor %}{% endfor %}",
        doubled,
        "{{ 'a' * 99000000 }}",
        "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
        "{% macro a(n) %}{% for i in range(99999) %}{{ a(n) }}{% endfor %}{% endmacro %}{{ a(1) }}",
    ] {
        let refused = problem(jinja, None, r#"{"a": 1}"#);
        assert!(refused == limit || refused.contains("recursion limit exceeded"), "{jinja}: {refused}");
    }
    let recursion = problem("{% macro a(n) %}{{ a(n) }}{% endmacro %}{{ a(1) }}", None, r#"{"a": 1}"#);
    assert!(recursion.contains("recursion limit exceeded"), "{recursion}");
    let long = problem(&"a".repeat((64 << 10) + 1), None, "{}");
    assert_eq!(long, "template `t` has 65537 bytes, more than the limit of 65536");
}

#[test]
fn a_value_that_stands_for_more_text_than_memory_is_not_written() {
    let nested = |times| {
        format!(
            "{{% set ns = namespace(l=[1]) %}}{{% for i in range({times}) %}}{{% set ns.l = [ns.l, ns.l] %}}{{% endfor %}}{{{{ ns.l }}}}"
        )
    };
    for times in [40, 5_000] {
        let refused = problem(&nested(times), None, r#"{"a": 1}"#);
        assert!(refused.contains("the limits are 16 MiB and 200 lists inside each other"), "{refused}");
    }
    let deep = "{% set ns = namespace(l=[1]) %}{% for i in range(90000) %}{% set ns.l = [ns.l] %}{% endfor %}a ||| b";
    let render =
        |jinja: &str| Template::new("t", jinja, None).unwrap().render(&row(r#"{"a": 1}"#), 0).unwrap();
    assert_eq!(render(deep).input, "a");
    let sum = format!("{{{{ 1{} }}}} ||| b", "+1".repeat(32_000));
    assert_eq!(rendered(&sum[..sum.len() - 6], r#"{"a": 1}"#), "32001");
    let lists = format!("{{% set l = [1] %}}{}a ||| b", "{%set l=[l]%}".repeat(5_000));
    assert_eq!(render(&lists).input, "a");
}

#[test]
fn a_long_row_has_more_steps() {
    let text = "x".repeat(30 << 20);
    let row = Record::from_json(&format!("{{\"a\": \"{text}\"}}")).unwrap();
    let template = Template::new("t", "{{ a }}{{ a | lower }} ||| b", None).unwrap();
    assert_eq!(template.render(&row, 0).unwrap().input.len(), 60 << 20);
}
