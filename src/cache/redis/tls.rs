//! Certificates for `rediss:`. Without the feature `redis-tls` there is nothing here but the way around it.

use redis::{Client, ConnectionInfo, RedisError};

/// What was set about certificates.
#[derive(Clone, Default)]
pub(super) struct Tls {
    #[cfg(feature = "redis-tls")]
    root_certificates: Option<Vec<u8>>,
    #[cfg(feature = "redis-tls")]
    client: Option<redis::ClientTlsConfig>,
}

impl Tls {
    /// A client of one server, by its address.
    #[cfg_attr(not(feature = "redis-tls"), expect(clippy::unused_self, reason = "there are no certificates to set"))]
    pub(super) fn client(&self, server: ConnectionInfo) -> Result<Client, RedisError> {
        #[cfg(feature = "redis-tls")]
        if matches!(server.addr(), redis::ConnectionAddr::TcpTls { .. }) {
            return Client::build_with_tls(server, self.certificates());
        }
        Client::open(server)
    }
}

#[cfg(feature = "redis-tls")]
mod certificates {
    use rustls::{
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    };

    use super::Tls;
    use crate::error::SettingsError;

    impl Tls {
        pub(in super::super) fn certificates(&self) -> redis::TlsCertificates {
            choose_cryptography();
            redis::TlsCertificates { client_tls: self.client.clone(), root_cert: self.root_certificates.clone() }
        }

        pub(in super::super) fn root_certificates(self, pem: &[u8]) -> Result<Self, SettingsError> {
            check_certificates(pem)?;
            Ok(Self { root_certificates: Some(pem.to_vec()), ..self })
        }

        pub(in super::super) fn client_certificate(self, pem: &[u8], key: &[u8]) -> Result<Self, SettingsError> {
            check_certificates(pem)?;
            PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| SettingsError("the PEM text of the client's key holds no private key".to_owned()))?;
            let client = redis::ClientTlsConfig { client_cert: pem.to_vec(), client_key: key.to_vec() };
            Ok(Self { client: Some(client), ..self })
        }
    }

    fn check_certificates(pem: &[u8]) -> Result<(), SettingsError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match found {
            Ok(certificates) if !certificates.is_empty() => Ok(()),
            _ => Err(SettingsError("the PEM text of the certificates holds none, or one that is damaged".to_owned())),
        }
    }

    /// The client asks rustls for the process' own choice, and that panics where an application has built in two.
    fn choose_cryptography() {
        if CryptoProvider::get_default().is_none() {
            // Somebody else may be quicker, and then theirs is as good.
            let _ = ring::default_provider().install_default();
        }
    }
}
