//! The function `fanout`: works on the tasks of campaigns, which SQS carries.
//!
//! A worker takes a task by a lease, reads its people page by page, and stores position and numbers after each page. It
//! never asks for its own next task.

pub mod config;
pub mod handler;
mod limits;
mod message;
mod page_result;
mod plan;
mod selection;
mod services;
mod takeover;
mod task_run;
mod worker;

pub use services::FanoutServices;
pub use worker::{TaskEnd, Worker};
