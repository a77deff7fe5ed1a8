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
