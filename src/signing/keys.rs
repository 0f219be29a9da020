//! Keys derived from a secret and a salt: Django's `salted_hmac`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{Legacy, SecretKey};

pub(super) type HmacSha256 = Hmac<Sha256>;
pub(super) type HmacSha1 = Hmac<Sha1>;

/// What the signer itself adds to the salt, in every Django.
const SIGNER: &str = "signer";

/// What stood before the name of the class, without a dot, up to Django 3.0.
const LEGACY_SALT: &str = "django.contrib.sessions";

/// The keys of every secret, the one to write with first. They are ready to use: a message costs no derivation.
pub(super) struct Keys {
    pub(super) sha256: Vec<HmacSha256>,
    /// Of Django 3.1 and 3.2 with `DEFAULT_HASHING_ALGORITHM = "sha1"`.
    pub(super) sha1: Vec<HmacSha1>,
    /// Of Django up to 3.0.
    pub(super) legacy: Vec<HmacSha1>,
}

impl Keys {
    pub(super) fn new(secrets: &[SecretKey], key_salt: &str, legacy: Legacy) -> Self {
        let class = key_salt.rsplit('.').next().unwrap_or(key_salt);
        let legacy_secrets = if legacy == Legacy::Refuse { &[] } else { secrets };
        Self {
            sha256: secrets.iter().map(|secret| sha256(&[key_salt, SIGNER], secret)).collect(),
            sha1: legacy_secrets.iter().map(|secret| sha1(&[key_salt, SIGNER], secret)).collect(),
            legacy: legacy_secrets.iter().map(|secret| sha1(&[LEGACY_SALT, class], secret)).collect(),
        }
    }
}

/// The salt's parts and the secret, one after the other without a separator: that is the format.
pub(super) fn sha256(salt: &[&str], secret: &SecretKey) -> HmacSha256 {
    let mut hash = Sha256::new();
    salt.iter().for_each(|part| hash.update(part));
    hash.update(secret.as_bytes());
    HmacSha256::new_from_slice(&hash.finalize()).expect("a key of any length will do")
}

pub(super) fn sha1(salt: &[&str], secret: &SecretKey) -> HmacSha1 {
    let mut hash = Sha1::new();
    salt.iter().for_each(|part| hash.update(part));
    hash.update(secret.as_bytes());
    HmacSha1::new_from_slice(&hash.finalize()).expect("a key of any length will do")
}

/// The signature of `message`.
pub(super) fn sign_sha256(key: &HmacSha256, message: &[u8]) -> [u8; 32] {
    key.clone().chain_update(message).finalize().into_bytes().into()
}

pub(super) fn sign_sha1(key: &HmacSha1, message: &[u8]) -> [u8; 20] {
    key.clone().chain_update(message).finalize().into_bytes().into()
}

/// Whether one of the keys signed `message`; the comparison takes the same time wherever the bytes differ.
pub(super) fn verify_sha256(keys: &[HmacSha256], message: &[u8], signature: &[u8; 32]) -> bool {
    keys.iter().any(|key| key.clone().chain_update(message).verify_slice(signature).is_ok())
}

pub(super) fn verify_sha1(keys: &[HmacSha1], message: &[u8], signature: &[u8; 20]) -> bool {
    keys.iter().any(|key| key.clone().chain_update(message).verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_salted_hmac_signs_it() {
        let data = |text: &str| -> Vec<serde_json::Value> { serde_json::from_str(text).unwrap() };
        let secrets = data(include_str!("../../tests/data/django_secrets.json"));
        let mut compared = 0;
        for row in data(include_str!("../../tests/data/django_signing_primitives.json")) {
            if row["kind"] != "salted_hmac" {
                continue;
            }
            let text = |field: &str| row[field].as_str().unwrap();
            let secret = secrets.iter().find(|secret| secret["name"] == row["secret"]).unwrap();
            let secret = match secret["utf8"].as_str() {
                Some(secret) => SecretKey::from(secret),
                None => SecretKey::from(crate::signing::hex::decode(secret["hex"].as_str().unwrap()).unwrap()),
            };
            let signature = match text("algorithm") {
                "sha256" => sign_sha256(&sha256(&[text("salt")], &secret), text("value").as_bytes()).to_vec(),
                _ => sign_sha1(&sha1(&[text("salt")], &secret), text("value").as_bytes()).to_vec(),
            };
            assert_eq!(crate::signing::hex::encode(&signature), text("hmac_hex"), "{}", row["name"]);
            compared += 1;
        }
        assert_eq!(compared, 30);
    }
}
