//! Databases and files of runs that have ended without dropping them. Their names hold the process id of the driver.

use std::{env, fs};

use crate::{database, machine, plan::DATABASES};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Of {
    ThisRun,
    DeadRuns,
}

/// Drops what is there. What fails is said and left: a run does not depend on it.
pub async fn sweep(of: Of) {
    for database in DATABASES {
        // Of a server on another machine one cannot say which runs are dead.
        if of == Of::DeadRuns && !database::is_local(database) {
            continue;
        }
        for name in database::names(database).await.unwrap_or_default() {
            if belongs(&name, of) {
                match database::drop_named(database, &name).await {
                    Ok(()) if of == Of::DeadRuns => eprintln!("dropped {name}, which a dead run has left behind"),
                    Ok(()) => {}
                    Err(error) => eprintln!("cannot drop {name}: {error}"),
                }
            }
        }
    }
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| belongs(name, of)) {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

fn belongs(name: &str, of: Of) -> bool {
    let pid = name.strip_prefix(database::PREFIX).and_then(|rest| rest.split('_').next()?.parse::<u32>().ok());
    pid.is_some_and(|pid| match of {
        Of::ThisRun => pid == std::process::id(),
        Of::DeadRuns => pid != std::process::id() && !machine::is_driver(pid),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_databases_of_dead_runs_belong_to_dead_runs() {
        let own = format!("{}{}_3", database::PREFIX, std::process::id());
        // No process has this id: Linux gives none above 4,194,304.
        let dead = format!("{}4194305_3", database::PREFIX);

        assert!(belongs(&own, Of::ThisRun) && !belongs(&own, Of::DeadRuns));
        assert!(belongs(&dead, Of::DeadRuns) && !belongs(&dead, Of::ThisRun));
        assert!(!belongs("customers", Of::DeadRuns) && !belongs("jam_bench_notes", Of::DeadRuns));
    }
}
