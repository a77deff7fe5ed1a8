//! promptsource's `templates.yaml`.

use ia3_data::{Record, TemplateChoice, TemplateSet};

use crate::input::Folder;
use crate::seeds;
use crate::target::Target;

/// The file.
pub const TARGET: Target = Target {
    name: "templates_yaml",
    run,
    seeds: || seeds::contents("templates.yaml"),
    tokens: &[
        "dataset:",
        "subset:",
        "templates:",
        "!Template",
        "!TemplateMetadata",
        "name:",
        "jinja:",
        "answer_choices:",
        "metadata:",
        "original_task: true",
        "&a",
        "*a",
        "<<:",
        "|-\n",
        ">",
        "- ",
        "? ",
        "--- ",
        "|||",
        "{{",
    ],
};

fn run(data: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("templates.yaml", data);
    let Ok(set) = TemplateSet::open(&path) else { return };
    assert!(!set.names().is_empty());
    let row = Record::from_json(r#"{"month": "May", "label": 1}"#).expect("the row is JSON");
    for template in set.choose(&TemplateChoice::All).into_iter().flatten() {
        let _ = template.render(&row, 0);
    }
    let _ = set.choose(&TemplateChoice::OriginalTask);
}
