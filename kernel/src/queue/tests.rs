//! Tests of the queues against models made of ordinary vectors.

use super::*;
use proptest::prelude::*;

struct Node {
    id: usize,
    priority: u8,
    ready: Links<Node>,
    waiting: PrioLinks<Node>,
    timeout: TimeoutLinks<Node>,
}

impl Linked<Ready> for Node {
    fn links(&self) -> &Links<Self> {
        &self.ready
    }
}

impl Schedulable for Node {
    fn priority(&self) -> u8 {
        self.priority
    }
}

impl PrioQueued for Node {
    fn prio_links(&self) -> &PrioLinks<Self> {
        &self.waiting
    }
}

impl Timed for Node {
    fn timeout_links(&self) -> &TimeoutLinks<Self> {
        &self.timeout
    }
}

/// One node for each priority given; leaked, as kernel objects are `'static`.
fn nodes(priorities: &[u8]) -> Vec<&'static Node> {
    let node = |(id, &priority)| {
        &*Box::leak(Box::new(Node {
            id,
            priority,
            ready: Links::new(),
            waiting: PrioLinks::new(),
            timeout: TimeoutLinks::new(),
        }))
    };
    priorities.iter().enumerate().map(node).collect()
}

const PRIORITIES: [u8; 12] = [0, 0, 1, 63, 64, 64, 64, 127, 128, 254, 255, 255];

proptest! {
    #[test]
    fn ready_queue_like_vectors(steps in prop::collection::vec((0usize..12, 0u8..4), 0..300)) {
        let nodes = nodes(&PRIORITIES);
        let queue: ReadyQueue<Node> = ReadyQueue::new();
        let mut model: Vec<Vec<usize>> = vec![Vec::new(); 256];
        for (id, action) in steps {
            let node = nodes[id];
            let list = &mut model[usize::from(node.priority)];
            match (queue.contains(node), action) {
                (false, 0 | 1) => {
                    queue.enqueue_back(node);
                    list.push(id);
                }
                (false, 2) => {
                    queue.enqueue_front(node);
                    list.insert(0, id);
                }
                (true, 0 | 1) => {
                    queue.remove(node);
                    list.retain(|&other| other != id);
                }
                (false, _) => {
                    let Some(&next) = list.get(id % list.len().max(1)) else { continue };
                    queue.exchange(node, nodes[next]);
                    list.push(id);
                    list.retain(|&other| other != next);
                }
                _ => {}
            }
            prop_assert_eq!(queue.check(), Ok(()));
            let highest = model.iter().rposition(|list| !list.is_empty()).filter(|&priority| priority > 0);
            prop_assert_eq!(usize::from(queue.highest()), highest.unwrap_or(0));
            prop_assert_eq!(queue.first().map(|node| node.id), highest.map(|priority| model[priority][0]));
        }
    }

    #[test]
    fn prio_queue_like_a_sorted_vector(steps in prop::collection::vec((0usize..12, any::<bool>()), 0..300)) {
        let nodes = nodes(&PRIORITIES);
        let queue: PrioQueue<Node> = PrioQueue::new();
        let mut model: Vec<usize> = Vec::new();
        for (id, pop) in steps {
            let node = nodes[id];
            if pop {
                let expected = (!model.is_empty()).then(|| model.remove(0));
                prop_assert_eq!(queue.first().inspect(|node| queue.remove(node)).map(|node| node.id), expected);
            } else if node.waiting.is_linked() {
                queue.remove(node);
                model.retain(|&other| other != id);
            } else {
                queue.insert(node, node.priority);
                let place = model.partition_point(|&other| PRIORITIES[other] >= node.priority);
                model.insert(place, id);
            }
            prop_assert_eq!(queue.check(), Ok(()));
            prop_assert_eq!(queue.first().map(|node| node.id), model.first().copied());
            prop_assert_eq!(queue.is_empty(), model.is_empty());
        }
        while let Some(node) = queue.first() {
            queue.remove(node);
            prop_assert_eq!(node.id, model.remove(0));
        }
        prop_assert!(model.is_empty());
    }

    #[test]
    fn timeout_queue_like_a_vector(steps in prop::collection::vec((0usize..64, 0u64..50, any::<bool>()), 0..400)) {
        let nodes = nodes(&[0; 64]);
        let queue: TimeoutQueue<Node> = TimeoutQueue::new();
        let mut model: Vec<Option<u64>> = vec![None; 64];
        for (id, deadline, pop) in steps {
            let node = nodes[id];
            if pop {
                match queue.pop_due(deadline) {
                    Some(due) => {
                        let earliest = model.iter().flatten().min().copied();
                        prop_assert!(earliest.is_some_and(|earliest| earliest <= deadline));
                        prop_assert_eq!(model[due.id].take(), earliest);
                    }
                    None => prop_assert!(model.iter().flatten().all(|&other| other > deadline)),
                }
            } else if node.timeout.is_linked() {
                queue.remove(node);
                model[id] = None;
            } else {
                queue.insert(node, deadline);
                model[id] = Some(deadline);
            }
            prop_assert_eq!(queue.check(|_| Ok(())), Ok(model.iter().flatten().count()));
            prop_assert_eq!(queue.next_deadline(), model.iter().flatten().min().copied());
        }
    }
}

#[test]
fn list_keeps_its_order() {
    let nodes = nodes(&[0; 4]);
    let list: List<Node, Ready> = List::new();
    list.push_back(nodes[1]);
    list.push_back(nodes[2]);
    list.push_front(nodes[0]);
    list.insert_before(nodes[2], nodes[3]);
    let ids = |list: &List<Node, Ready>| list.iter().map(|node| node.id).collect::<Vec<_>>();
    assert_eq!(ids(&list), [0, 1, 3, 2]);
    list.remove(nodes[3]);
    assert_eq!(ids(&list), [0, 1, 2]);
    assert_eq!(list.pop_front().map(|node| node.id), Some(0));
    assert!(!nodes[0].ready.is_linked());
}
