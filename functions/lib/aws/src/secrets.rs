//! Keys of a function, loaded in one call and validated before use.
//!
//! Each key is an SSM parameter under the service's prefix; all except the public VAPID key are encrypted. If the
//! recipient-hash key is lost, every stored address is lost. So this module never generates a key.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::parameters::{ParameterStore, ParameterStoreError, Parameters, trimmed};
use platform::private::Private;
use platform::startup::StartError;

/// Base64url with or without padding, because people produce both.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_encode_padding(false),
);

/// Key of 32 bytes.
pub type Key = Private<[u8; 32]>;

/// Parameter under `<prefix>/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum SecretName {
    /// `vapid-private-key`: the P-256 scalar that signs VAPID tokens; base64url of 32 bytes.
    VapidPrivateKey,
    /// `vapid-public-key`: the uncompressed point of that key, which browsers receive; base64url of 65 bytes. Not
    /// encrypted.
    VapidPublicKey,
    /// `recipient-hash-key`: key of the hash of recipient ids; base64url of 32 bytes.
    RecipientHashKey,
    /// `link-signing-key`: key that signs receipt, click and unsubscribe links; base64url of 32 bytes. During a
    /// rotation, there are two keys with a comma between them; the first one signs.
    LinkSigningKey,
}

impl SecretName {
    /// Returns the last part of the parameter's name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Keys that sign and verify links. Both verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSigningKeys {
    /// Key that signs.
    pub current: Key,
    /// Previous key, which still verifies during a rotation.
    pub previous: Option<Key>,
}

/// Reason for which secrets could not be loaded. It names the parameter and never contains a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// SSM has no such parameter.
    #[error("parameter {0} does not exist")]
    Missing(String),
    /// The parameter's value is not a valid key.
    #[error("parameter {parameter} is malformed: {why}")]
    Malformed {
        /// Full name.
        parameter: String,
        /// Reason for which the value is not valid.
        why: SecretFormatError,
    },
    /// The function uses a secret that it did not load: an error in its `main`.
    #[error("the secret {0} was not asked for")]
    NotAskedFor(&'static str),
    /// SSM did not answer; a retry may succeed.
    #[error(transparent)]
    Unavailable(#[from] ParameterStoreError),
}

/// Reason for which the value of a secret is not valid. It never contains the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretFormatError {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// The text is not base64url.
    #[error("it is not base64url")]
    NotBase64Url,
    /// The value has another number of bytes than this one.
    #[error("it is not {0} bytes")]
    WrongLength(usize),
    /// The private key is not a scalar of the curve.
    #[error("it is not a P-256 private key")]
    NotPrivateKey,
    /// The public key is not an uncompressed point.
    #[error("it is not an uncompressed P-256 point")]
    NotUncompressed,
    /// The public key is that of another pair.
    #[error("it does not belong to vapid-private-key")]
    OtherPair,
}

impl From<SecretsError> for StartError {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Unavailable(cause) => Self::Transient(cause.to_string()),
            definitive => Self::Permanent(definitive.to_string()),
        }
    }
}

/// Loaded secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    vapid_private_key: Option<Key>,
    vapid_public_key: Option<[u8; 65]>,
    recipient_hash_key: Option<Key>,
    link_signing_keys: Option<LinkSigningKeys>,
}

impl Secrets {
    /// Loads `which` in one GetParameters call, and validates each. The keys of a VAPID pair must also belong
    /// together.
    ///
    /// # Errors
    /// The first parameter that is missing or malformed, or SSM did not answer.
    pub async fn load(store: &ParameterStore, prefix: &str, which: &[SecretName]) -> Result<Self, SecretsError> {
        let names = which.iter().map(|name| full_name(prefix, *name)).collect();
        Self::read(&store.get(names).await?, prefix, which)
    }

    fn read(found: &Parameters, prefix: &str, which: &[SecretName]) -> Result<Self, SecretsError> {
        let mut secrets = Self::default();
        for name in which {
            let parameter = full_name(prefix, *name);
            let Some(text) = found.get(&parameter) else {
                return Err(SecretsError::Missing(parameter));
            };
            secrets.set(*name, text.expose()).map_err(|why| SecretsError::Malformed { parameter, why })?;
        }
        secrets.check_pair().map_err(|why| {
            let parameter = full_name(prefix, SecretName::VapidPublicKey);
            SecretsError::Malformed { parameter, why }
        })?;
        Ok(secrets)
    }

    fn set(&mut self, name: SecretName, text: &str) -> Result<(), SecretFormatError> {
        match name {
            SecretName::VapidPrivateKey => self.vapid_private_key = Some(key(text)?),
            SecretName::VapidPublicKey => self.vapid_public_key = Some(point(text)?),
            SecretName::RecipientHashKey => self.recipient_hash_key = Some(key(text)?),
            SecretName::LinkSigningKey => self.link_signing_keys = Some(link_signing_keys(text)?),
        }
        Ok(())
    }

    /// Checks that the public key belongs to the private key. If it did not, push services would refuse every
    /// message.
    fn check_pair(&self) -> Result<(), SecretFormatError> {
        let (Some(private), Some(public)) = (&self.vapid_private_key, &self.vapid_public_key) else {
            return Ok(());
        };
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, private.expose(), public, &SystemRandom::new())
            .map(|_| ())
            .map_err(|_| SecretFormatError::OtherPair)
    }

    /// Returns the scalar that signs VAPID tokens.
    ///
    /// # Errors
    /// The secret was not loaded.
    pub fn vapid_private_key(&self) -> Result<&Key, SecretsError> {
        asked_for(self.vapid_private_key.as_ref(), SecretName::VapidPrivateKey)
    }

    /// Returns the public point, uncompressed.
    ///
    /// # Errors
    /// The secret was not loaded.
    pub fn vapid_public_key(&self) -> Result<&[u8; 65], SecretsError> {
        asked_for(self.vapid_public_key.as_ref(), SecretName::VapidPublicKey)
    }

    /// Returns the key of the hash that converts recipient ids to recipient keys.
    ///
    /// # Errors
    /// The secret was not loaded.
    pub fn recipient_hash_key(&self) -> Result<&Key, SecretsError> {
        asked_for(self.recipient_hash_key.as_ref(), SecretName::RecipientHashKey)
    }

    /// Returns the keys of signed links.
    ///
    /// # Errors
    /// The secret was not loaded.
    pub fn link_signing_keys(&self) -> Result<&LinkSigningKeys, SecretsError> {
        asked_for(self.link_signing_keys.as_ref(), SecretName::LinkSigningKey)
    }
}

fn full_name(prefix: &str, name: SecretName) -> String {
    format!("{prefix}/{}", name.as_str())
}

fn asked_for<T>(value: Option<&T>, name: SecretName) -> Result<&T, SecretsError> {
    value.ok_or(SecretsError::NotAskedFor(name.as_str()))
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], SecretFormatError> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(SecretFormatError::Empty);
    }
    let bytes = BASE64URL.decode(text).map_err(|_| SecretFormatError::NotBase64Url)?;
    bytes.try_into().map_err(|_| SecretFormatError::WrongLength(N))
}

fn key(text: &str) -> Result<Key, SecretFormatError> {
    bytes(text).map(Private::new)
}

fn point(text: &str) -> Result<[u8; 65], SecretFormatError> {
    let point = bytes::<65>(text)?;
    if point[0] != 4 {
        return Err(SecretFormatError::NotUncompressed);
    }
    Ok(point)
}

fn link_signing_keys(text: &str) -> Result<LinkSigningKeys, SecretFormatError> {
    let text = trimmed(text);
    let (current, previous) = text.split_once(',').map_or((text, None), |(first, second)| (first, Some(second)));
    Ok(LinkSigningKeys { current: key(current)?, previous: previous.map(key).transpose()? })
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
