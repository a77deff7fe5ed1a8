use std::path::PathBuf;

/// Every test that `docs/peft-tests.md` names is there.
#[test]
fn the_table_of_the_documentation_names_tests_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = std::fs::read_to_string(root.join("docs/peft-tests.md")).unwrap();
    let words: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    let named: Vec<(&str, &str)> = words.iter().filter_map(|word| word.split_once(".rs::")).collect();
    assert!(named.len() > 80, "{}", named.len());
    for (file, test) in named {
        let path = root.join("crates").join(format!("{file}.rs"));
        let source = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(source.contains(&format!("fn {test}(")), "{} has no test `{test}`", path.display());
    }
}
