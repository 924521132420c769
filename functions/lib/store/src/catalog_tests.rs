#![allow(clippy::unwrap_used)]
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Actor, CatalogChange, ChangeAction, TypeId};
use jiff::Timestamp;
use platform::caller::Author;
use serde_json::{Map, Value, json};

use super::*;
use crate::testing::Dynamo;

const TABLE: &str = "settings";

async fn catalog() -> (Dynamo, CatalogStore) {
    let dynamo = Dynamo::start().await;
    dynamo.create_table(TABLE).await;
    let store = CatalogStore::new(dynamo.client(), TABLE);
    (dynamo, store)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn offers() -> CatalogKey {
    CatalogKey::Type(TypeId::parse("OFFERS").unwrap())
}

fn definition(title: &str) -> Map<String, Value> {
    json!({"title": title}).as_object().unwrap().clone()
}

fn revised(title: &str, revision: u64) -> CatalogRow {
    let second = i64::try_from(revision).unwrap();
    CatalogRow { definition: definition(title), revision, created_at: at(1), updated_at: at(second) }
}

fn change(old: Option<&CatalogRow>, new: Option<&CatalogRow>) -> CatalogChange {
    let revision = new.or(old).unwrap().revision;
    let definition_of = |row: &CatalogRow| row.definition.clone();
    let (before, after) = (old.map(definition_of), new.map(definition_of));
    let second = at(i64::try_from(revision).unwrap());
    CatalogChange::between(before.as_ref(), after.as_ref(), revision, Actor::Api(Author::of_id("ops")), second).unwrap()
}

#[tokio::test]
async fn of_two_writers_one_succeeds_and_the_audit_has_its_change_alone() {
    let (_dynamo, store) = catalog().await;
    let (first, mine, theirs) = (revised("A", 1), revised("B", 2), revised("C", 2));
    assert!(store.replace(&offers(), None, Some(&first), &change(None, Some(&first))).await.unwrap());
    assert!(!store.replace(&offers(), None, Some(&first), &change(None, Some(&first))).await.unwrap(), "it exists");
    let of = |row| change(Some(&first), Some(row));
    assert!(store.replace(&offers(), Some(&first), Some(&mine), &of(&mine)).await.unwrap());
    assert!(!store.replace(&offers(), Some(&first), Some(&theirs), &of(&theirs)).await.unwrap());
    assert_eq!(store.get(&offers()).await.unwrap(), Some(mine.clone()));
    assert_eq!(store.read(true).await.unwrap().rows, [(offers(), mine)]);
    let changes = store.changes(&offers(), 10, None).await.unwrap();
    let told: Vec<_> = changes.items.iter().map(|change| (change.action, change.revision)).collect();
    assert_eq!(told, [(ChangeAction::Changed, 2), (ChangeAction::Created, 1)]);
}

#[tokio::test]
async fn a_removed_row_is_gone_and_a_new_one_of_its_name_is_another() {
    let (_dynamo, store) = catalog().await;
    let first = revised("A", 1);
    store.replace(&offers(), None, Some(&first), &change(None, Some(&first))).await.unwrap();
    assert!(store.replace(&offers(), Some(&first), None, &change(Some(&first), None)).await.unwrap());
    assert!(!store.replace(&offers(), Some(&first), None, &change(Some(&first), None)).await.unwrap());
    assert_eq!(store.get(&offers()).await.unwrap(), None);
    let again = CatalogRow { created_at: at(9), ..revised("A", 1) };
    store.replace(&offers(), None, Some(&again), &change(None, Some(&again))).await.unwrap();
    let next = revised("B", 2);
    let late = change(Some(&first), Some(&next));
    assert!(!store.replace(&offers(), Some(&first), Some(&next), &late).await.unwrap(), "not the row that was read");
}

#[tokio::test]
async fn changes_are_read_in_pages() {
    let (_dynamo, store) = catalog().await;
    let mut old: Option<CatalogRow> = None;
    for revision in 1..=5 {
        let new = revised(&revision.to_string(), revision);
        let changed = change(old.as_ref(), Some(&new));
        assert!(store.replace(&offers(), old.as_ref(), Some(&new), &changed).await.unwrap());
        old = Some(new);
    }
    let first = store.changes(&offers(), 3, None).await.unwrap();
    let second = store.changes(&offers(), 3, first.next.as_deref()).await.unwrap();
    let revisions =
        [first.items, second.items].map(|items| items.iter().map(|change| change.revision).collect::<Vec<_>>());
    assert_eq!((revisions, second.next), ([vec![5, 4, 3], vec![2, 1]], None));
}

#[tokio::test]
async fn a_malformed_row_is_named_and_the_others_are_read() {
    let (dynamo, store) = catalog().await;
    let first = revised("A", 1);
    store.replace(&offers(), None, Some(&first), &change(None, Some(&first))).await.unwrap();
    for (key, definition) in [("type#BROKEN", "{"), ("type#lower", "{}"), ("later#kind", "{}")] {
        let put = dynamo.client().put_item().table_name(TABLE).item("pk", AttributeValue::S("catalog".to_owned()));
        let put = put.item("sk", AttributeValue::S(key.to_owned()));
        put.item("definition", AttributeValue::S(definition.to_owned())).send().await.unwrap();
    }
    let catalog = store.read(false).await.unwrap();
    assert_eq!(catalog.rows.len(), 1);
    assert_eq!(catalog.malformed, [CatalogKey::Type(TypeId::parse("BROKEN").unwrap())]);
}
