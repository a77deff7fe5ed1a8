use ia3::{Ia3Config, Placement};

use crate::common::fixture;

fn plan(config: Ia3Config) -> ia3::Plan {
    let device = burn::tensor::Device::flex();
    let base = ia3::from_pretrained(fixture("t5/base"), &device).unwrap().model;
    config.plan(&base.info()).unwrap()
}

#[test]
fn feedforward_matching_ia3() {
    let config = Ia3Config::new()
        .with_target_modules(
            ".*encoder.*block.0.*(SelfAttention|EncDecAttention|DenseReluDense).(k|q|v|wo|wi)$",
        )
        .with_feedforward_modules(["wo", "wi"]);
    let plan = plan(config);
    let at = |placement| -> Vec<&str> {
        plan.sites.iter().filter(|s| s.placement == placement).map(|s| s.path.as_str()).collect()
    };
    let attention = ["q", "k", "v"].map(|name| format!("encoder.block.0.layer.0.SelfAttention.{name}"));
    let dense = ["wi", "wo"].map(|name| format!("encoder.block.0.layer.1.DenseReluDense.{name}"));
    assert_eq!(at(Placement::Output), attention);
    assert_eq!(at(Placement::Input), dense);
}

#[test]
fn ia3_targeted_modules_by_regex_and_by_list_are_the_same() {
    let regex = plan(Ia3Config::new().with_target_modules(r".*\.(k|v|wo)"));
    let list = plan(Ia3Config::new().with_target_modules(["k", "v", "wo"]));
    assert_eq!((regex.sites.len(), &regex.sites), (16, &list.sites));
}

#[test]
fn ia3_excluded_modules_by_regex_and_by_list() {
    let config = || Ia3Config::new().with_target_modules(["k", "v", "wo"]);
    let regex = plan(config().with_exclude_modules(".*decoder.*"));
    assert!(regex.sites.iter().all(|site| site.path.starts_with("encoder")));
    let list = plan(config().with_exclude_modules(["SelfAttention.k", "wo"]));
    assert_eq!(list.sites.iter().filter(|site| site.path.ends_with("wo")).count(), 0);
    assert_eq!(list.sites.len(), 16 - 4 - 4);
}
