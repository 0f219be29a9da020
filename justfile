# Everything that has to pass before a commit: format, lints, docs, tests.
check: && lint doc test
    cargo fmt --check

# The test command of the README: unit tests, integration tests and doctests.
test:
    cargo test --all-features --locked

# The documentation, with every warning an error.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --all-features --no-deps --locked

# Clippy on all targets, with every warning an error.
lint:
    cargo clippy --all-features --all-targets --locked -- -D warnings

# Format the code in place.
fmt:
    cargo fmt

# Each set of features on its own, Tower without Axum, and what we switch on in sqlx.
features:
    bash .ci/run feature-sets plain-tower sqlx-features

# Licences, origins and duplicates; `just deny advisories` asks the database of advisories, which it downloads.
deny *what="bans licenses sources":
    cargo deny check {{what}}

# What the continuous integration runs, from a clean checkout or here.
ci:
    bash .ci/run
