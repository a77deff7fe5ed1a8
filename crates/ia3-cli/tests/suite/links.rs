//! The documents of the repository: every relative link leads to a file and a heading that exist, and the index of
//! `docs` lists every page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::workspace;

/// Every Markdown file of the repository, apart from build outputs, packages of others and hidden folders.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().to_string());
        if name.starts_with('.') || name == "target" || name == "node_modules" || path.is_symlink() {
            continue;
        } else if path.is_dir() {
            found.extend(documents(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found
}

/// The lines outside of fenced blocks, with the text between backticks kept.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The anchors of a document's headings, made as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// What is wrong with a link in `document`; links to other hosts and to items of rustdoc are not looked at.
fn problem(document: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { document.into() } else { document.parent().unwrap().join(file) };
    if !target.exists() {
        let path_like = file.contains('/') || file.contains(".md") || file.contains(".svg");
        return path_like.then(|| format!("{}: {link} does not exist", document.display()));
    }
    let missing = !heading.is_empty() && !anchors(&fs::read_to_string(&target).unwrap()).contains(heading);
    missing.then(|| format!("{}: {link} has no such heading", document.display()))
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut problems = vec![];
    for document in documents(&workspace()) {
        let text = fs::read_to_string(&document).unwrap();
        problems.extend(prose(&text).flat_map(links).filter_map(|link| problem(&document, link)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// mdBook copies only the files in `docs`, so a link to another file of the repository would not work in the book.
#[test]
fn the_links_of_the_pages_stay_inside_docs() {
    let docs = workspace().join("docs");
    let mut outside = vec![];
    for page in documents(&docs) {
        let text = fs::read_to_string(&page).unwrap();
        let links = prose(&text).flat_map(links).filter(|link| link.starts_with("../"));
        outside.extend(links.map(|link| format!("{}: {link}", page.display())));
    }
    assert!(outside.is_empty(), "{}", outside.join("\n"));
}

#[test]
fn the_index_lists_every_page() {
    let docs = workspace().join("docs");
    let index = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<PathBuf> = prose(&index).flat_map(links).map(|link| docs.join(link)).collect();
    let pages: BTreeSet<PathBuf> =
        documents(&docs).into_iter().filter(|path| !path.ends_with("SUMMARY.md")).collect();
    assert_eq!(listed, pages);
}

#[test]
fn the_files_that_the_architecture_names_exist() {
    let text = fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    let named = text.split('`').skip(1).step_by(2).filter(|word| word.starts_with("crates/"));
    let missing: Vec<&str> = named.filter(|path| !workspace().join(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn headings_become_anchors_as_on_github() {
    assert_eq!(anchor("burn's own loop"), "burns-own-loop");
    assert_eq!(anchor("The program `ia3`"), "the-program-ia3");
    let text = "# One\n```text\n# not a heading\n[no](link.md)\n```\nA [link](a.md#b) and [another](c.md).\n";
    assert_eq!(anchors(text).len(), 1);
    assert_eq!(prose(text).flat_map(links).collect::<Vec<_>>(), ["a.md#b", "c.md"]);
}
