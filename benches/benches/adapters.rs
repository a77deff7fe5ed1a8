//! Operations on an adapter that do not run the model: plan, attach, extract, merge, load, save.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use ia3::core::Adapter;
use ia3::{Ia3Config, Ia3Model};
use ia3_benches::{SHAPES, device};

fn adapters(c: &mut Criterion) {
    let device = device();
    for shape in SHAPES {
        let setup = shape.setup(&device);
        let (base, adapter) = (&setup.base, &setup.adapter);
        let info = base.info();
        let config = Ia3Config::new();
        let adapted = ia3::attach(base, &[adapter]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        ia3::io::save_adapter(adapter, dir.path()).unwrap();

        let mut group = c.benchmark_group(format!("{}/adapter", shape.name));
        group.bench_function("plan", |b| b.iter(|| config.plan(&base.info()).unwrap()));
        group.bench_function("attach", |b| b.iter(|| ia3::attach(base, &[adapter]).unwrap()));
        let mut named = Ia3Model::builder(base.clone()).without_adapter().unwrap();
        ["a", "b"].iter().for_each(|name| named.insert_adapter(name, adapter.fork()).unwrap());
        let mut names = ["a", "b"].into_iter().cycle();
        group.bench_function("switch", |b| b.iter(|| named.set_adapter(names.next()).unwrap()));
        group.bench_function("extract", |b| b.iter(|| Adapter::extract(adapter, &adapted).unwrap()));
        group.bench_function("merge", |b| b.iter(|| ia3::merge(base, &[adapter]).unwrap()));
        let options = ia3::io::AdapterOptions::default();
        group.bench_function("save", |b| {
            b.iter(|| ia3::io::save_adapter_with(adapter, dir.path(), &options).unwrap())
        });
        group.bench_function("load", |b| {
            b.iter(|| ia3::io::load_adapter(dir.path(), &info, &device).unwrap())
        });
    }
}

criterion_group!(benches, adapters);
criterion_main!(benches);
