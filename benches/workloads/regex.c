/* Strings and recursion: a regular expression matcher (threads of a Pike machine), five patterns over half a
 * MiB, N times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { CH, ANY, CLS, SPLIT, JMP, MATCH };
typedef struct {
    int op, x, y;
    unsigned char m[32];
} I;
static I pr[512];
static int np;
static const char *re;
static void ins(int at, int n) {
    memmove(pr + at + n, pr + at, sizeof(I) * (np - at));
    for (int i = at + n; i < np + n; i++)
        if (pr[i].op == SPLIT || pr[i].op == JMP) {
            if (pr[i].x >= at)
                pr[i].x += n;
            if (pr[i].op == SPLIT && pr[i].y >= at)
                pr[i].y += n;
        }
    np += n;
}
static void alt(void);
static void atom(void) {
    if (*re == '(') {
        re++;
        alt();
        re++;
    } else if (*re == '.') {
        pr[np++].op = ANY;
        re++;
    } else if (*re == '[') {
        I *i = &pr[np++];
        i->op = CLS;
        memset(i->m, 0, 32);
        re++;
        int neg = 0;
        if (*re == '^') {
            neg = 1;
            re++;
        }
        while (*re != ']') {
            int a = (unsigned char)*re++, b = a;
            if (*re == '-') {
                re++;
                b = (unsigned char)*re++;
            }
            for (; a <= b; a++)
                i->m[a >> 3] |= 1 << (a & 7);
        }
        re++;
        if (neg)
            for (int k = 0; k < 32; k++)
                i->m[k] = ~i->m[k];
    } else {
        if (*re == '\\')
            re++;
        pr[np].op = CH;
        pr[np++].x = (unsigned char)*re++;
    }
}
static void rep(void) {
    int s = np;
    atom();
    while (*re == '*' || *re == '+' || *re == '?') {
        char o = *re++;
        if (o == '+') {
            pr[np].op = SPLIT;
            pr[np].x = s;
            pr[np].y = np + 1;
            np++;
        } else {
            ins(s, 1);
            pr[s].op = SPLIT;
            pr[s].x = s + 1;
            if (o == '*') {
                pr[np].op = JMP;
                pr[np].x = s;
                np++;
            }
            pr[s].y = np;
        }
    }
}
static void cat(void) {
    while (*re && *re != '|' && *re != ')')
        rep();
}
static void alt(void) {
    int s = np;
    cat();
    while (*re == '|') {
        re++;
        ins(s, 1);
        pr[s].op = SPLIT;
        pr[s].x = s + 1;
        int j = np++;
        pr[j].op = JMP;
        pr[s].y = np;
        cat();
        pr[j].x = np;
    }
}
static int gen[512], g;
static int la[512], lb[512];
static void add(int *l, int *n, int pc) {
    if (gen[pc] == g)
        return;
    gen[pc] = g;
    if (pr[pc].op == JMP)
        add(l, n, pr[pc].x);
    else if (pr[pc].op == SPLIT) {
        add(l, n, pr[pc].x);
        add(l, n, pr[pc].y);
    } else
        l[(*n)++] = pc;
}
static long long count(const char *s) {
    long long hits = 0;
    int *c = la, *nx = lb, cn = 0, nn;
    g++;
    for (;; s++) {
        add(c, &cn, 0);
        unsigned char ch = *s;
        nn = 0;
        g++;
        int m = 0;
        for (int i = 0; i < cn; i++) {
            I *p = &pr[c[i]];
            switch (p->op) {
            case CH:
                if (p->x == ch)
                    add(nx, &nn, c[i] + 1);
                break;
            case ANY:
                if (ch != '\n' && ch)
                    add(nx, &nn, c[i] + 1);
                break;
            case CLS:
                if (ch && p->m[ch >> 3] >> (ch & 7) & 1)
                    add(nx, &nn, c[i] + 1);
                break;
            case MATCH:
                m = 1;
            }
        }
        hits += m;
        if (!ch)
            break;
        int *t = c;
        c = nx;
        nx = t;
        cn = nn;
    }
    return hits;
}
int main(int a, char **v) {
    int n = a > 1 ? atoi(v[1]) : 6;
    static const char *res[] = {"(foo|bar|ba[sz])+[0-9]*x?", "[a-z]+@[a-z]+\\.(com|org|net)", "(a|b)*abb",
                                "[A-Z][a-z]+ [A-Z][a-z]+", "[0-9]+-[0-9]+-[0-9]+"};
    size_t L = 1 << 19;
    char *t = malloc(L + 1);
    unsigned r = 7;
    static const char al[] = "abcforzxABC 0123-@.\nmn";
    for (size_t i = 0; i < L; i++) {
        r = r * 1103515245 + 12345;
        t[i] = al[(r >> 16) % (sizeof al - 1)];
    }
    t[L] = 0;
    unsigned long long tot = 0;
    for (int k = 0; k < n; k++)
        for (int j = 0; j < 5; j++) {
            np = 0;
            re = res[j];
            alt();
            pr[np++].op = MATCH;
            memset(gen, 0, sizeof gen);
            g = 0;
            tot = tot * 7 + count(t);
        }
    printf("%llu\n", tot % 1000000007);
}
