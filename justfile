# `just` lists the recipes; `just check` is what has to pass before a change is merged.

default:
    @just --list

# Everything, cheapest first.
check:
    bash .ci/run

fmt:
    cargo fmt --all

# Spelling; `pip install typos` brings the tool.
typos:
    typos

lint:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace

# The parity tests on the corpus in a folder.
parity dir="fixtures":
    IA3_FIXTURES="$(realpath {{dir}})" cargo test --workspace --test parity -- --nocapture

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

quickstart:
    cargo run -p ia3-examples --example quickstart

bench:
    cargo bench -p ia3-benches

# Licences and advisories of the dependencies; optional, needs cargo-deny.
deny:
    cargo deny check

# A parity corpus from PyTorch and PEFT; needs fixtures/oracle/requirements.txt.
fixtures out seed="0":
    python3 fixtures/oracle/gen_fixtures.py --out {{out}} --seed {{seed}}
    python3 fixtures/oracle/check_fixtures.py {{out}}
