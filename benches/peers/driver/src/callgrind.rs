//! Instructions per request, as callgrind counts them.

use std::{env, fs, path::Path};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    BoxError,
    database::{PREFIX, Scratch},
    plan::Group,
    route::Route,
    run::Context,
    server::{How, Running},
    servers::Server,
    visitor::Visitor,
};

/// So many and twice as many: the difference is what the requests cost, whatever else happened.
const REQUESTS: u64 = 100;

const COUNTED: [Route; 4] = [Route::UntouchedWithCookie, Route::Read, Route::Write, Route::New];

/// Of a server that runs under callgrind, for each route.
pub async fn of(
    context: &Context<'_>,
    server: Server,
    scratch: &Scratch,
    group: &Group,
) -> Result<Vec<Value>, BoxError> {
    let routes: Vec<Route> = COUNTED.into_iter().filter(|&route| server.answers(route, group.size)).collect();
    let file = env::temp_dir().join(format!("{PREFIX}{}_callgrind", std::process::id()));
    let how = How { callgrind: Some(&file), ..context.how(group.size, group.names) };
    let running = Running::start(server, scratch, &scratch.url, how).await?;
    let mut rows = Vec::new();
    for route in routes {
        let mut visitor = Visitor::of(server, &running.address, route).await?;
        // What is built once, such as prepared statements, is not part of any request.
        visits(&mut visitor, route, REQUESTS).await?;
        dumped(&running, &file).await?;
        visits(&mut visitor, route, REQUESTS).await?;
        let once = dumped(&running, &file).await?;
        visits(&mut visitor, route, 2 * REQUESTS).await?;
        let twice = dumped(&running, &file).await?;
        rows.push(json!({
            "database": group.database.name(), "size": group.size, "route": route.name(), "server": server.name,
            "instructions": twice.saturating_sub(once) / REQUESTS,
        }));
    }
    running.stop().await?;
    let _ = fs::remove_file(&file);
    Ok(rows)
}

async fn visits(visitor: &mut Visitor, route: Route, times: u64) -> Result<(), BoxError> {
    for _ in 0..times {
        visitor.visit(route).await?;
    }
    Ok(())
}

/// Has callgrind write down what it has counted and begin anew; gives the sum.
async fn dumped(running: &Running, file: &Path) -> Result<u64, BoxError> {
    let output = Command::new("vgdb").arg(format!("--pid={}", running.pid)).arg("dump").output().await?;
    if !output.status.success() {
        return Err(format!("vgdb: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let folder = file.parent().ok_or("a file in a folder")?;
    let name = file.file_name().and_then(|name| name.to_str()).ok_or("a name")?;
    for entry in fs::read_dir(folder)?.flatten() {
        let dump = entry.file_name().to_str().is_some_and(|dump| dump.starts_with(&format!("{name}.")));
        if dump {
            let profile = fs::read_to_string(entry.path())?;
            fs::remove_file(entry.path())?;
            let mut lines = profile.lines();
            let total = lines.find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
            return Ok(total.ok_or("callgrind wrote no total")?.trim().parse()?);
        }
    }
    Err("callgrind wrote nothing".into())
}
