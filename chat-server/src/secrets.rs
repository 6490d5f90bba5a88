//! The key that signs tokens, and the keys derived from it.
//!
//! It is given, or made at first start and kept in the data folder, readable by the owner alone.

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::hmac;
use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Returns the configured signing key, or the generated one of this data folder.
pub(crate) fn signing_key(given: Option<&str>, data_dir: &Path) -> Result<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let path = data_dir.join("jwt.secret");
    match fs::read_to_string(&path) {
        Ok(secret) if secret.trim().len() >= 32 => Ok(secret.trim().to_owned()),
        Ok(_) => bail!("{} is too short to be a signing key; delete it to have another made", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => generate(&path),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn generate(path: &Path) -> Result<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the operating system has no randomness"))?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // `create_new` with the mode in one step: the secret is never readable by others, and two first starts cannot both win.
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(secret.as_bytes()).and_then(|()| file.sync_all())?;
    Ok(secret)
}

/// Derives a key for one purpose (HMAC-SHA256 of the purpose under the signing key), so that nodes with the same
/// signing key agree on it.
pub(crate) fn derive(signing_key: &str, purpose: &str) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, signing_key.as_bytes());
    let tag = hmac::sign(&key, purpose.as_bytes());
    tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::{derive, signing_key};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_generated_key_is_kept_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = signing_key(None, folder.path()).unwrap();
        assert_eq!(signing_key(None, folder.path()).unwrap(), first);
        let mode = std::fs::metadata(folder.path().join("jwt.secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        assert_ne!(derive("k", "media"), derive("k", "tickets"));
    }
}
