//! The templates of promptsource are rendered as promptsource renders them.
//!
//! `IA3_PROMPTSOURCE` names the unpacked source package of promptsource 0.2.3, `IA3_FEW_SHOT` the folder of T-Few's few-shot
//! sets, and `IA3_RENDERED` a file with what `data/promptsource.py` prints for the two.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ia3_data::{Answer, Record, TemplateChoice, TemplateSet, read_records};
use serde::Deserialize;

fn folder(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).map(PathBuf::from);
    if path.is_none() {
        ia3_testing::skip(format!("{name} does not name the folder of the data"));
    }
    path
}

fn yaml_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => yaml_files(&path, found),
            false if path.ends_with("templates.yaml") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn every_template_compiles() {
    let Some(root) = folder("IA3_PROMPTSOURCE") else { return };
    let mut files = vec![];
    yaml_files(&root.join("promptsource/templates"), &mut files);
    let (mut sets, mut templates, mut bad) = (0, 0, vec![]);
    for path in &files {
        match TemplateSet::open(path) {
            Ok(set) => (sets, templates) = (sets + 1, templates + set.names().len()),
            Err(error) => bad.push(format!("{}: {error}", path.display())),
        }
    }
    println!("{sets} of {} files, {templates} templates\n{}", files.len(), bad.join("\n"));
    assert_eq!((sets, templates), (279, 2085));
}

#[derive(Deserialize)]
struct Rendered {
    yaml: String,
    template: usize,
    file: PathBuf,
    line: usize,
    parts: Option<Vec<String>>,
    choices: Option<Vec<String>>,
}

/// The expected example of a row.
fn expected(rendered: &Rendered) -> Option<(String, Answer)> {
    let [input, target] = rendered.parts.as_deref()? else { return None };
    let answer = match &rendered.choices {
        None => Answer::Text(target.clone()),
        Some(choices) => Answer::Choices {
            answer: choices.iter().position(|choice| choice == target)?,
            choices: choices.clone(),
        },
    };
    Some((input.clone(), answer))
}

#[test]
fn templates_give_what_promptsource_gives() {
    let [Some(root), Some(few_shot), Some(rendered)] =
        ["IA3_PROMPTSOURCE", "IA3_FEW_SHOT", "IA3_RENDERED"].map(folder)
    else {
        return;
    };
    let (mut sets, mut rows) = (BTreeMap::new(), BTreeMap::<PathBuf, BTreeMap<usize, Record>>::new());
    let (mut same, mut drawn, mut refused, mut bad) = (0, 0, BTreeMap::<String, usize>::new(), vec![]);
    for line in std::fs::read_to_string(rendered).unwrap().lines() {
        let line: Rendered = serde_json::from_str(line).unwrap();
        let set = sets.entry(line.yaml.clone()).or_insert_with(|| {
            let set = TemplateSet::open(&root.join("promptsource/templates").join(&line.yaml)).unwrap();
            set.choose(&TemplateChoice::All).unwrap()
        });
        let rows = rows
            .entry(line.file.clone())
            .or_insert_with(|| read_records(&few_shot.join(&line.file)).unwrap().into_iter().collect());
        let (template, row) = (&set[line.template], &rows[&line.line]);
        let ours = template.render(row, 0);
        // A template that draws at random cannot be compared.
        if (1..9).any(|seed| template.render(row, seed).ok() != ours.as_ref().ok().cloned()) {
            drawn += 1;
            continue;
        }
        match (expected(&line), ours) {
            (Some((input, answer)), Ok(ours)) if (&input, &answer) == (&ours.input, &ours.answer) => {
                same += 1
            }
            (Some((input, answer)), ours) => {
                bad.push(format!("{} `{}`: {input:?} {answer:?}\n{ours:?}", line.yaml, template.name()));
            }
            (None, ours) => {
                let error = ours.expect_err("promptsource gives no input and target that fit together");
                let known = error.to_string().replace(|c: char| c.is_ascii_digit(), "");
                *refused.entry(format!("{} `{}`: {known:.90}", line.yaml, template.name())).or_default() += 1;
            }
        }
    }
    let kinds: Vec<String> = refused.iter().map(|(what, times)| format!("{times} times {what}")).collect();
    println!(
        "{same} renderings the same, {drawn} drawn, {} refused:\n{}",
        refused.values().sum::<usize>(),
        kinds.join("\n")
    );
    println!("{} others:\n{}", bad.len(), bad.iter().take(5).cloned().collect::<Vec<_>>().join("\n"));
    assert_eq!((same, drawn, bad.len()), (25_710, 300, 0));
}
