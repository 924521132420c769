//! Chains of notifications that are worked on one after the other.

use std::collections::HashMap;
use std::hash::Hash;

/// Groups indices by key, in order. An index without a key is a chain of its own.
#[must_use]
pub fn chains<K: Eq + Hash>(keys: impl IntoIterator<Item = Option<K>>) -> Vec<Vec<usize>> {
    let mut chains: Vec<Vec<usize>> = Vec::new();
    let mut of_key = HashMap::new();
    for (index, key) in keys.into_iter().enumerate() {
        let chain = key.map(|key| *of_key.entry(key).or_insert(chains.len()));
        match chain.and_then(|chain| chains.get_mut(chain)) {
            Some(chain) => chain.push(index),
            None => chains.push(vec![index]),
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_share_a_chain_in_order_and_no_key_shares_none() {
        let keys = [Some('a'), None, Some('b'), Some('a'), None];
        assert_eq!(chains(keys), [vec![0, 3], vec![1], vec![2], vec![4]]);
        assert!(chains::<char>([]).is_empty());
    }
}
