// SPDX-License-Identifier: BSD-2-Clause
// Intrusive doubly linked list; the owner keeps the elements alive. All-zero memory is an empty list.
#pragma once

#include <cstddef>

namespace pl {

template <class T>
struct ListLink {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

template <class T, ListLink<T> T::*Link>
class List {
 public:
  bool empty() const { return !first_; }
  T* first() const { return first_; }
  T* last() const { return last_; }
  static T* next(const T* e) { return (e->*Link).next; }

  void push_back(T* e) { insert_before(e, nullptr); }
  void push_front(T* e) { insert_before(e, first_); }

  // Before `at`, or at the end for null.
  void insert_before(T* e, T* at) {
    ListLink<T>& link = e->*Link;
    link.next = at;
    link.previous = at ? (at->*Link).previous : last_;
    link.linked = true;
    (link.previous ? (link.previous->*Link).next : first_) = e;
    (at ? (at->*Link).previous : last_) = e;
  }

  void remove(T* e) {
    ListLink<T>& link = e->*Link;
    (link.previous ? (link.previous->*Link).next : first_) = link.next;
    (link.next ? (link.next->*Link).previous : last_) = link.previous;
    link = {};
  }

  T* pop_front() {
    T* e = first_;
    if (e) remove(e);
    return e;
  }

  class Iterator {
   public:
    explicit Iterator(T* e) : e_(e) {}
    T& operator*() const { return *e_; }
    Iterator& operator++() { e_ = (e_->*Link).next; return *this; }
    bool operator!=(const Iterator& o) const { return e_ != o.e_; }

   private:
    T* e_;
  };
  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(nullptr); }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace pl
