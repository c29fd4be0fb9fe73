//! The directory of a name space: names and what they stand for. Generic over what is stored, so that
//! it knows nothing of capabilities.
//!
//! A name is one component of a path; a path is resolved as far as this directory goes, and the rest is
//! for whoever it leads to.

use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::Error;

use crate::quota::Charge;

/// Longest name in bytes.
const NAME_MAX: usize = 255;

/// An entry.
pub struct Entry<T> {
    /// What the name stands for; none while the name is only announced.
    pub object: Option<T>,
    /// Made by moe itself: stays as it is.
    pub fixed: bool,
    /// What the name space's factory pays for it.
    _charge: Option<Charge>,
}

/// Names and entries, in the order of the names.
pub struct Names<T> {
    entries: Vec<(Box<[u8]>, Entry<T>)>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names { entries: Vec::new() }
    }
}

impl<T> Names<T> {
    /// Splits a path into its first component and the rest, which is empty where there is none.
    pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
        match path.iter().position(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (path, &[]),
        }
    }

    /// Where the name is, or where it would be.
    fn position(&self, name: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|(entry, _)| (**entry).cmp(name))
    }

    fn entry(&self, name: &[u8]) -> Option<&Entry<T>> {
        let at = self.position(name).ok()?;
        self.entries.get(at).map(|(_, entry)| entry)
    }

    /// What the name stands for.
    ///
    /// # Errors
    /// `NoEnt` for a name that is not there, `Again` for one that is only announced.
    pub fn find(&self, name: &[u8]) -> Result<&T, Error> {
        let entry = self.entry(name).ok_or(Error::NoEnt)?;
        entry.object.as_ref().ok_or(Error::Again)
    }

    /// Whether `name` can be registered now: not taken by a fixed entry, and by another only if that is
    /// announced or `may_replace` says so of what is there.
    ///
    /// # Errors
    /// `Inval` for what is no name, `Exist` for a name that is taken.
    pub fn check(&self, name: &[u8], may_replace: impl FnOnce(&T) -> bool) -> Result<(), Error> {
        if name.is_empty() || name.len() > NAME_MAX || name.contains(&b'/') {
            return Err(Error::Inval);
        }
        match self.entry(name) {
            None | Some(Entry { object: None, fixed: false, .. }) => Ok(()),
            Some(Entry { object: Some(there), fixed: false, .. }) if may_replace(there) => Ok(()),
            Some(_) => Err(Error::Exist),
        }
    }

    /// Sees to it that the list has room for one more name.
    ///
    /// # Errors
    /// `NoMem`.
    pub fn reserve_one(&mut self) -> Result<(), Error> {
        self.entries.try_reserve(1).map_err(|_| Error::NoMem)
    }

    /// Enters `object` under `name`, in place of what was there: an entry of moe's own that stays, or one that is paid for.
    pub fn insert(&mut self, name: &[u8], object: Option<T>, paid: Option<Charge>) {
        let entry = Entry { object, fixed: paid.is_none(), _charge: paid };
        match self.position(name) {
            Ok(at) => self.entries[at].1 = entry,
            Err(at) => self.entries.insert(at, (name.into(), entry)),
        }
    }

    /// Takes the entry away that the first component of `path` names.
    ///
    /// # Errors
    /// `NoEnt` where there is none, `Access` for a fixed one.
    pub fn remove(&mut self, path: &[u8]) -> Result<(), Error> {
        let (name, _) = Self::split(path);
        let at = self.position(name).map_err(|_| Error::NoEnt)?;
        if self.entries[at].1.fixed {
            return Err(Error::Access);
        }
        self.entries.remove(at);
        Ok(())
    }

    /// All entries, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Entry<T>)> {
        self.entries.iter().map(|(name, entry)| (&**name, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Quota;

    fn paid() -> Option<Charge> {
        Charge::new(&Quota::unlimited(), 1).ok()
    }

    #[test]
    fn paths_split_at_the_first_slash() {
        let split = Names::<u8>::split;
        assert_eq!(split(b"rom/dir/file"), (&b"rom"[..], &b"dir/file"[..]));
        assert_eq!(split(b"rom"), (&b"rom"[..], &b""[..]));
        assert_eq!(split(b"rom/"), (&b"rom"[..], &b""[..]));
        assert_eq!(split(b"/x"), (&b""[..], &b"x"[..]));
    }

    #[test]
    fn entries_are_announced_filled_replaced_and_removed() {
        let mut names = Names::default();
        assert_eq!(names.find(b"a"), Err(Error::NoEnt));
        names.insert(b"a", None, paid());
        assert_eq!(names.find(b"a"), Err(Error::Again));
        assert_eq!(names.check(b"a", |_| false), Ok(()));
        names.insert(b"a", Some(1), paid());
        assert_eq!(names.check(b"a", |_| false), Err(Error::Exist));
        assert_eq!(names.check(b"a", |&there| there == 1), Ok(()));
        names.insert(b"b", Some(2), None);
        assert_eq!(names.check(b"b", |_| true), Err(Error::Exist));
        assert_eq!(names.remove(b"b/more"), Err(Error::Access));
        assert_eq!(names.remove(b"a/more"), Ok(()));
        assert_eq!(names.remove(b"a"), Err(Error::NoEnt));
        let all: std::vec::Vec<_> = names.iter().map(|(name, entry)| (name, entry.object)).collect();
        assert_eq!(all, [(&b"b"[..], Some(2))]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let names = Names::<u8>::default();
        for bad in [&b""[..], b"a/b", &[b'x'; 256]] {
            assert_eq!(names.check(bad, |_| true), Err(Error::Inval));
        }
    }
}
