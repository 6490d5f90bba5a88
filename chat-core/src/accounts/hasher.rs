//! Hashing of passwords with argon2id, on a bounded number of blocking threads.
//!
//! Each hash takes 19 MiB and tens of milliseconds of one core: unbounded, a flood of sign-ins would take the memory and
//! starve the messages.

use crate::{Error, ErrorKind, Result};
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// OWASP's password storage cheat sheet: argon2id with 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Callers that may wait per thread; at 20 ms a hash the last of them waits about ten seconds.
const WAITING_PER_THREAD: usize = 512;

/// A hash at the usual cost that no password has, for names without an account.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2hhdCBub2JvZHkgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How a password compares with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// It is the one.
    Good,
    /// It is the one, and its hash is of another kind or cost than those made today.
    Outdated,
    /// It is another.
    Wrong,
}

/// Hashes and compares.
#[derive(Debug)]
pub(super) struct Hasher {
    threads: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
}

impl Hasher {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads: Arc::new(Semaphore::new(threads)),
            waiting: Arc::default(),
            most_waiting: threads * WAITING_PER_THREAD,
        }
    }

    /// Makes the hash of a password in PHC form, after `check` found it good.
    ///
    /// # Errors
    /// What `check` says; [`Busy`](crate::ErrorKind::Busy) when too many wait.
    pub(super) async fn hash(
        &self,
        password: String,
        check: impl FnOnce(&str) -> Result<()> + Send + 'static,
    ) -> Result<String> {
        self.run(move || {
            check(&password)?;
            let hash: Result<PasswordHash, _> = argon2().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| {
                Error::new(ErrorKind::Internal, "password could not be hashed").with_source(error)
            })
        })
        .await?
    }

    /// Compares a password with a stored hash, or for as long with none.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) when too many wait.
    pub(super) async fn verify(&self, password: String, stored: Option<String>) -> Result<Match> {
        self.run(move || match stored {
            Some(stored) => compare(&password, &stored),
            None => {
                compare(&password, NOBODY);
                Match::Wrong
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Place::take(&self.waiting, self.most_waiting)?;
        let thread = Arc::clone(&self.threads).acquire_owned().await.expect("the semaphore is never closed");
        drop(place);
        // The permit goes along: work that nobody waits for any more still holds its memory.
        tokio::task::spawn_blocking(move || {
            let _thread = thread;
            work()
        })
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "hashing ended early").with_source(error))
    }
}

/// A place in the queue, given back when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, most: usize) -> Result<Self> {
        let place = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(
                Error::busy("too many people sign in at once").with_retry_after(Duration::from_secs(2))
            );
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the cost is within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Compares with a hash of any kind that was ever stored. An import may bring `$2…` of bcrypt: such a hash is compared here, by its
/// prefix, and answered with [`Match::Outdated`], after which sign-in replaces it.
fn compare(password: &str, stored: &str) -> Match {
    let Ok(parsed) = PasswordHash::new(stored) else {
        tracing::warn!(
            kind = stored.get(..3).unwrap_or_default(),
            "stored password hash is of an unknown kind"
        );
        return Match::Wrong;
    };
    // The cost is the stored hash's own, not today's.
    if argon2().verify_password(password.as_bytes(), &parsed).is_err() {
        return Match::Wrong;
    }
    let today = Params::try_from(&parsed).is_ok_and(|params| {
        (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
    });
    if today && parsed.algorithm.as_str() == "argon2id" { Match::Good } else { Match::Outdated }
}

#[cfg(test)]
mod tests {
    use super::{Hasher, Match, NOBODY, Place, argon2};
    use crate::ErrorKind;
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::phc::PasswordHash};
    use std::sync::Arc;

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let hasher = Hasher::new(2);
        let hash = hasher.hash("correct horse".to_owned(), |_| Ok(())).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(hasher.verify("correct horse".to_owned(), Some(hash.clone())).await.unwrap(), Match::Good);
        assert_eq!(hasher.verify("correct hors".to_owned(), Some(hash)).await.unwrap(), Match::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_good_but_outdated() {
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let hash: PasswordHash = cheap.hash_password(b"correct horse").unwrap();
        let found = Hasher::new(1).verify("correct horse".to_owned(), Some(hash.to_string())).await.unwrap();
        assert_eq!(found, Match::Outdated);
    }

    #[tokio::test]
    async fn a_hash_of_an_unknown_kind_fits_nothing() {
        for stored in ["", "$2b$10$abcdefghijklmnopqrstuv", "plain"] {
            let found = Hasher::new(1).verify(stored.to_owned(), Some(stored.to_owned())).await.unwrap();
            assert_eq!(found, Match::Wrong, "{stored}");
        }
    }

    /// Equal cost is what makes the time equal; time itself cannot be measured reliably in a test.
    #[test]
    fn the_hash_for_unknown_names_costs_what_a_real_one_costs() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let real: PasswordHash = argon2().hash_password(b"x").unwrap();
        assert_eq!(nobody.params, real.params);
        assert_eq!((nobody.algorithm, nobody.version), (real.algorithm, real.version));
        assert_eq!(nobody.hash.unwrap().len(), real.hash.unwrap().len());
        assert_eq!(nobody.salt.unwrap().len(), real.salt.unwrap().len());
    }

    #[test]
    fn a_flood_is_refused_instead_of_queued_without_bound() {
        let waiting = Arc::default();
        let places: Vec<_> = (0..3).map(|_| Place::take(&waiting, 3).unwrap()).collect();
        assert_eq!(Place::take(&waiting, 3).err().unwrap().kind(), ErrorKind::Busy);
        drop(places);
        assert!(Place::take(&waiting, 3).is_ok());
    }
}
