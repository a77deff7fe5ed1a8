//! A prompt template of promptsource.

use ia3_data::{Record, Template};

use crate::input::{join, parts};
use crate::target::Target;

/// The template, its answer choices (none if empty), and the row.
pub const TARGET: Target = Target {
    name: "template",
    run,
    seeds,
    tokens: &[
        "{{",
        "}}",
        "{%",
        "%}",
        " for i in range(1000) ",
        "endfor",
        " if a ",
        "endif",
        " set x = ",
        "macro",
        "|||",
        "choice",
        "most_frequent",
        "zip(",
        "range(",
        "join(",
        "replace(",
        "answer_choices",
        "loop.index",
        "include",
        "import",
        "{#",
        "#}",
        "|",
        "*",
        "~",
        "[label]",
        "a",
        "import 'prompt' as x",
    ],
};

fn run(data: &[u8]) {
    let texts = parts::<3>(data).map(std::str::from_utf8);
    let [Ok(jinja), Ok(choices), Ok(row)] = texts else { return };
    let choices = Some(choices).filter(|choices| !choices.is_empty());
    let (Ok(template), Ok(row)) = (Template::new("t", jinja, choices), Record::from_json(row)) else {
        return;
    };
    let _ = template.render(&row, 0);
}

fn seeds() -> Vec<Vec<u8>> {
    let row = br#"{"a": "It rains.", "b": "it is wet", "label": 0, "list": ["x", "y"], "n": {"m": 2.5}}"#;
    let templates: [(&str, &str); 6] = [
        ("{{ a }} So {{ b }}? ||| {{ answer_choices[label] }}", "Yes ||| No"),
        ("{% for x in list %}{{ loop.index }}. {{ x }}\n{% endfor %} ||| {{ n.m }}", ""),
        ("{% set l = [a, b] %}{{ l | choice }} ||| {{ list | join(', ') }}", ""),
        (
            "{% if label == 0 %}{{ a.upper() }}{% else %}{{ b }}{% endif %} ||| {{ [1, 1, 2] | most_frequent }}",
            "",
        ),
        (
            "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(a) }} ||| {% for x, y in zip(list, list) %}{{ x ~ y }}{% endfor %}",
            "",
        ),
        (
            "{{ a[:3] }} {{ b.split(' ')[0] }} {{ a.replace('I', 'J') }} ||| {{ 'yes' if label else 'no' }}",
            "no ||| yes",
        ),
    ];
    templates.iter().map(|(jinja, choices)| join(&[jinja.as_bytes(), choices.as_bytes(), row])).collect()
}
