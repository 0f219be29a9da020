//! Who is let in, and how: passwords, users, certificates, sockets.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use jam_session::{Cache as _, RedisCache};

use super::{
    MINUTE, TestResult,
    server::{Server, free_port, run},
};

async fn works(cache: &RedisCache) -> TestResult {
    cache.set("key", b"1", MINUTE).await?;
    assert!(cache.compare_and_set("key", b"1", b"2", MINUTE).await?);
    assert!(!cache.add("key", b"3", MINUTE).await?);
    assert_eq!(cache.get("key").await?.as_deref(), Some(b"2".as_slice()));
    assert!(cache.delete("key").await?);
    Ok(())
}

#[tokio::test]
async fn a_password_is_asked_for_and_never_shown() -> TestResult {
    let Some(server) = Server::start(&["--requirepass", "pass:word/#1"])? else { return Ok(()) };
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/0", server.port);

    works(&RedisCache::connect(&url("pass%3Aword%2F%231"))?).await?;

    let mut said = Vec::new();
    for wrong in [url("a-wrong-one"), server.url()] {
        let cache = RedisCache::connect(&wrong)?;
        let error = cache.get("a-key").await.expect_err("a wrong password");
        said.extend([error.to_string(), format!("{error:?}"), format!("{cache:?}")]);
    }
    let said = said.join("\n");
    assert!(said.contains("let this user, password or command in"), "{said}");
    assert!(!said.contains("a-wrong-one") && !said.contains("pass:word") && !said.contains("a-key"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_user_needs_no_more_rights_than_documented() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let rights = ["+get", "+set", "+del", "+exists", "+evalsha", "+eval", "+info"];
    server.cli(&[["ACL", "SETUSER", "web", "on", ">secret", "~shop:*"].as_slice(), &rights].concat())?;
    let cache = RedisCache::connect(&format!("redis://web:secret@127.0.0.1:{}/0", server.port))?;

    cache.set("shop:key", b"1", MINUTE).await?;
    assert!(cache.compare_and_set("shop:key", b"1", b"2", MINUTE).await?);
    assert!(cache.delete("shop:key").await?);

    let error = cache.set("other:key", b"a-value", MINUTE).await.expect_err("a key of somebody else").to_string();
    assert!(error.contains("does not let") && !error.contains("other:key"), "{error}");
    Ok(())
}

#[tokio::test]
async fn no_error_quotes_a_key_or_a_value() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let cache = RedisCache::connect(&server.url())?;
    server.cli(&["LPUSH", "a-secret-key", "a-secret-value"])?;
    let mut said = Vec::new();

    let error = cache.get("a-secret-key").await.expect_err("it is a list");
    said.extend([error.to_string(), format!("{error:?}")]);
    let error = cache.compare_and_set("a-secret-key", b"a-secret-1", b"a-secret-2", MINUTE).await;
    said.extend(error.err().map(|error| format!("{error} {error:?}")));
    server.cli(&["CONFIG", "SET", "maxmemory", "1"])?;
    let error = cache.set("a-secret-key", b"a-secret-value", MINUTE).await.expect_err("there is no memory");
    said.extend([error.to_string(), format!("{error:?}")]);

    let said = said.join("\n");
    assert!(said.contains("WRONGTYPE") && said.contains("OOM"), "{said}");
    assert!(!said.contains("a-secret"), "{said}");
    Ok(())
}

#[tokio::test]
async fn urls_that_cannot_work_are_refused_at_once_and_not_quoted() {
    let hosts =
        ["postgres://a-secret@host", "a-secret", "redis://:a-secret@", "redis://host:a-secret", "redis://h/a-secret"];
    for url in hosts {
        let error = RedisCache::connect(url).expect_err(url).to_string();
        assert!(!error.contains("a-secret"), "{error}");
    }
    assert!(RedisCache::connect("rediss://localhost/#insecure").is_err());
    assert!(RedisCache::sentinel(&[], "redis://mymaster").is_err());
    assert!(RedisCache::cluster(&[]).is_err());
    let error = RedisCache::connect("rediss://localhost").expect("it is a URL").root_certificates(b"no certificate");
    assert!(error.is_err());
}

#[tokio::test]
async fn a_unix_socket_is_as_good() -> TestResult {
    let folder = tempfile::TempDir::new()?;
    let socket = folder.path().join("redis.sock").display().to_string();
    let Some(_server) = Server::start(&["--unixsocket", &socket])? else { return Ok(()) };

    works(&RedisCache::connect(&format!("unix://{socket}"))?).await
}

/// An authority of the test's own, and what it has signed.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn new() -> TestResult<Self> {
        let made = Self(tempfile::TempDir::new()?);
        let new_key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
        let out = |command: &mut Command, name: &str| -> TestResult {
            let (key, certificate) = (made.file(&format!("{name}.key")), made.file(&format!("{name}.crt")));
            run(command.arg("-keyout").arg(key).arg("-out").arg(certificate)).map(drop)
        };
        out(Command::new("openssl").args(new_key).args(["-x509", "-subj", "/CN=authority"]), "authority")?;
        for name in ["server", "client"] {
            let mut command = Command::new("openssl");
            command.args(new_key).args(["-x509", "-subj", "/CN=localhost"]);
            command.args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]);
            command.arg("-CA").arg(made.file("authority.crt")).arg("-CAkey").arg(made.file("authority.key"));
            out(&mut command, name)?;
        }
        Ok(made)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> TestResult<Vec<u8>> {
        Ok(std::fs::read(self.file(name))?)
    }
}

/// A server with TLS on a port of its own, and its URL.
fn tls_server(certificates: &Certificates, asks_clients: &str) -> TestResult<Option<(Server, String)>> {
    let port = free_port();
    let text = |path: &Path| path.display().to_string();
    let files = ["server.crt", "server.key", "authority.crt"].map(|name| text(&certificates.file(name)));
    let mut arguments = vec!["--tls-port".to_owned(), port.to_string()];
    for (name, file) in ["--tls-cert-file", "--tls-key-file", "--tls-ca-cert-file"].into_iter().zip(files) {
        arguments.extend([name.to_owned(), file]);
    }
    arguments.extend(["--tls-auth-clients".to_owned(), asks_clients.to_owned()]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let server = Server::start(&arguments)?;
    Ok(server.map(|server| (server, format!("rediss://localhost:{port}/0"))))
}

#[tokio::test]
async fn tls_works_with_the_certificates_of_a_private_authority() -> TestResult {
    let certificates = Certificates::new()?;
    let Some((_server, url)) = tls_server(&certificates, "no")? else { return Ok(()) };

    works(&RedisCache::connect(&url)?.root_certificates(&certificates.read("authority.crt")?)?).await?;

    let error = RedisCache::connect(&url)?.get("key").await.expect_err("nobody trusts this authority").to_string();
    assert!(error.contains("certificate"), "{error}");
    let other_name = url.replace("localhost", "127.0.0.1");
    let cache = RedisCache::connect(&other_name)?.root_certificates(&certificates.read("authority.crt")?)?;
    assert!(cache.get("key").await.is_err(), "the certificate is for another name");
    Ok(())
}

#[tokio::test]
async fn tls_shows_the_clients_certificate_to_a_server_that_asks() -> TestResult {
    let certificates = Certificates::new()?;
    let Some((_server, url)) = tls_server(&certificates, "yes")? else { return Ok(()) };
    let cache = RedisCache::connect(&url)?.root_certificates(&certificates.read("authority.crt")?)?;
    assert!(cache.get("key").await.is_err(), "a client without a certificate");

    let cache = cache.client_certificate(&certificates.read("client.crt")?, &certificates.read("client.key")?)?;

    works(&cache).await
}
