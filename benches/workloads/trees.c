/* Allocation: binary trees of malloc'd nodes, made, counted and freed, with one that lives all the time; N rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct tree {
    struct tree *left, *right;
} tree;

static tree *grow(int depth) {
    tree *t = malloc(sizeof *t);
    if (!t)
        exit(1);
    t->left = depth ? grow(depth - 1) : NULL;
    t->right = depth ? grow(depth - 1) : NULL;
    return t;
}

static uint32_t size(const tree *t) { return t->left ? 1 + size(t->left) + size(t->right) : 1; }

static void fell(tree *t) {
    if (t->left) {
        fell(t->left);
        fell(t->right);
    }
    free(t);
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 20;
    tree *old = grow(14);
    uint64_t sum = 0;
    for (int n = 0; n < rounds; n++) {
        for (int depth = 4; depth <= 14; depth += 5) {
            tree *t = grow(depth);
            sum = sum * 3 + size(t);
            fell(t);
        }
    }
    printf("%llu\n", (unsigned long long)(sum + size(old)));
    fell(old);
}
