//! Which object a message is for. An object's identifier is the label of its gate: index and generation,
//! so that a label of an object that is gone never means another.

use abi::Error;
use alloc::vec::Vec;

/// Identifier of an object; its two lowest bits are 0, where a received label has rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectId(u64);

const INDEX_SHIFT: u32 = 2;
const GENERATION_SHIFT: u32 = 32;

impl ObjectId {
    /// The identifier in a received label.
    pub fn from_label(label: u64) -> ObjectId {
        ObjectId(label & !abi::gate::LABEL_RIGHTS_MASK)
    }

    /// The label for the object's gate.
    pub fn label(self) -> u64 {
        self.0
    }

    fn new(index: usize, generation: u32) -> ObjectId {
        ObjectId((index as u64) << INDEX_SHIFT | u64::from(generation) << GENERATION_SHIFT)
    }

    fn index(self) -> usize {
        (self.0 as u32 >> INDEX_SHIFT) as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }
}

struct Slot<T> {
    generation: u32,
    object: Option<T>,
}

/// Objects by identifier.
pub struct ObjectTable<T> {
    slots: Vec<Slot<T>>,
    vacant: Vec<usize>,
}

impl<T> Default for ObjectTable<T> {
    fn default() -> Self {
        ObjectTable { slots: Vec::new(), vacant: Vec::new() }
    }
}

impl<T> ObjectTable<T> {
    /// The identifier that the next `insert` will give. Generations start with 1, so none is 0.
    pub fn next_id(&self) -> ObjectId {
        match self.vacant.last() {
            Some(&index) => ObjectId::new(index, self.slots[index].generation),
            None => ObjectId::new(self.slots.len(), 1),
        }
    }

    /// Sees to it that the next `insert`, and the `remove` of all objects, need no heap.
    ///
    /// # Errors
    /// `NoMem`.
    pub fn reserve_one(&mut self) -> Result<(), Error> {
        if !self.vacant.is_empty() {
            return Ok(());
        }
        self.slots.try_reserve(1).and_then(|()| self.vacant.try_reserve(self.slots.len() + 1)).map_err(|_| Error::NoMem)
    }

    /// Number of places that `id_at` can be asked for.
    pub fn places(&self) -> usize {
        self.slots.len()
    }

    /// The identifier of the object at a place: for walks during which objects go.
    pub fn id_at(&self, place: usize) -> Option<ObjectId> {
        let slot = self.slots.get(place).filter(|slot| slot.object.is_some())?;
        Some(ObjectId::new(place, slot.generation))
    }

    /// Adds an object.
    pub fn insert(&mut self, object: T) -> ObjectId {
        let id = self.next_id();
        match self.vacant.pop() {
            Some(index) => self.slots[index].object = Some(object),
            None => self.slots.push(Slot { generation: 1, object: Some(object) }),
        }
        id
    }

    /// The object.
    #[inline]
    pub fn get(&self, id: ObjectId) -> Option<&T> {
        let slot = self.slots.get(id.index()).filter(|slot| slot.generation == id.generation())?;
        slot.object.as_ref()
    }

    /// The object, to change it.
    #[inline]
    pub fn get_mut(&mut self, id: ObjectId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index())?;
        if slot.generation == id.generation() { slot.object.as_mut() } else { None }
    }

    /// Takes an object out; its identifier never comes back.
    pub fn remove(&mut self, id: ObjectId) -> Option<T> {
        let slot = self.slots.get_mut(id.index())?;
        if slot.generation != id.generation() {
            return None;
        }
        let object = slot.object.take()?;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        self.vacant.push(id.index());
        Some(object)
    }

    /// All objects.
    #[cfg(test)]
    fn iter(&self) -> impl Iterator<Item = (ObjectId, &T)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((ObjectId::new(index, slot.generation), slot.object.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_labels_and_die_with_their_object() {
        let mut table = ObjectTable::default();
        let expected = table.next_id();
        let first = table.insert('a');
        let second = table.insert('b');
        assert_eq!(first, expected);
        assert_eq!(first.label() & 3, 0);
        assert_ne!(first.label(), 0);
        assert_eq!(ObjectId::from_label(second.label() | 3), second);
        assert_eq!(table.remove(first), Some('a'));
        assert_eq!((table.remove(first), table.get(first)), (None, None));
        let third = table.insert('c');
        assert_ne!(third, first);
        assert_eq!(table.get_mut(first), None);
        assert_eq!(table.get_mut(third), Some(&mut 'c'));
        let all: Vec<_> = table.iter().map(|(id, object)| (id, *object)).collect();
        assert_eq!(all, [(third, 'c'), (second, 'b')]);
        assert_eq!(table.get(ObjectId::from_label(u64::MAX)), None);
        let walked: std::vec::Vec<_> = (0..table.places()).filter_map(|place| table.id_at(place)).collect();
        assert_eq!(walked, [third, second]);
        assert_eq!((table.reserve_one(), table.id_at(2)), (Ok(()), None));
    }
}
