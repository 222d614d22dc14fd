//! rule_list.
