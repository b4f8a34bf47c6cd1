/* Strings and allocation: writes a JSON text, then N times reads it into a tree, sums that up and frees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct V {
    int t;
    double n;
    char *s;
    struct V **k;
    char **kn;
    int c, cap;
} V;
static char *buf;
static size_t len, cap;
static void put(const char *s) {
    size_t l = strlen(s);
    if (len + l + 1 > cap) {
        cap = (cap + l) * 2;
        buf = realloc(buf, cap);
    }
    memcpy(buf + len, s, l + 1);
    len += l;
}
static unsigned rs = 12345;
static unsigned rnd(void) {
    rs = rs * 1664525 + 1013904223;
    return rs >> 8;
}
static void gen(int d) {
    char t[64];
    if (d == 0) {
        switch (rnd() % 4) {
        case 0:
            snprintf(t, 64, "%d", (int)(rnd() % 100000) - 50000);
            put(t);
            break;
        case 1:
            snprintf(t, 64, "%.4f", rnd() / 1000.0);
            put(t);
            break;
        case 2:
            snprintf(t, 64, "\"str\\u00e9 %u \\n\"", rnd());
            put(t);
            break;
        default:
            put(rnd() & 1 ? "true" : "null");
        }
        return;
    }
    if (rnd() & 1) {
        put("[");
        for (int i = 0, n = rnd() % 8 + 2; i < n; i++) {
            if (i)
                put(", ");
            gen(d - 1);
        }
        put("]");
    } else {
        put("{");
        for (int i = 0, n = rnd() % 8 + 2; i < n; i++) {
            if (i)
                put(", ");
            snprintf(t, 64, "\"key%u\": ", rnd() % 1000);
            put(t);
            gen(d - 1);
        }
        put("}");
    }
}
static const char *p;
static void ws(void) {
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
        p++;
}
static char *str(void) {
    char *o = malloc(64), *q;
    size_t n = 0, c = 64;
    p++;
    while (*p != '"') {
        if (n + 8 > c)
            o = realloc(o, c *= 2);
        if (*p == '\\') {
            p++;
            switch (*p) {
            case 'n':
                o[n++] = '\n';
                p++;
                break;
            case 'u': {
                char h[5] = {p[1], p[2], p[3], p[4], 0};
                unsigned u = strtoul(h, &q, 16);
                if (u < 0x80)
                    o[n++] = u;
                else if (u < 0x800) {
                    o[n++] = 0xc0 | u >> 6;
                    o[n++] = 0x80 | (u & 63);
                } else {
                    o[n++] = 0xe0 | u >> 12;
                    o[n++] = 0x80 | (u >> 6 & 63);
                    o[n++] = 0x80 | (u & 63);
                }
                p += 5;
                break;
            }
            default:
                o[n++] = *p++;
            }
        } else
            o[n++] = *p++;
    }
    p++;
    o[n] = 0;
    return o;
}
static V *val(void) {
    V *v = calloc(1, sizeof *v);
    ws();
    if (*p == '{' || *p == '[') {
        char o = *p;
        v->t = o;
        p++;
        ws();
        while (*p != (o == '{' ? '}' : ']')) {
            if (v->c == v->cap) {
                v->cap = v->cap ? 2 * v->cap : 4;
                v->k = realloc(v->k, v->cap * sizeof(V *));
                v->kn = realloc(v->kn, v->cap * sizeof(char *));
            }
            v->kn[v->c] = 0;
            if (o == '{') {
                ws();
                v->kn[v->c] = str();
                ws();
                p++;
            }
            v->k[v->c++] = val();
            ws();
            if (*p == ',')
                p++;
            ws();
        }
        p++;
    } else if (*p == '"') {
        v->t = 's';
        v->s = str();
    } else if (*p == 't') {
        v->t = 't';
        p += 4;
    } else if (*p == 'f') {
        v->t = 'f';
        p += 5;
    } else if (*p == 'n') {
        v->t = '0';
        p += 4;
    } else {
        char *e;
        v->t = 'n';
        v->n = strtod(p, &e);
        p = e;
    }
    return v;
}
static double sum(V *v) {
    double s = v->t + v->n;
    if (v->s)
        s += strlen(v->s);
    for (int i = 0; i < v->c; i++)
        s += sum(v->k[i]) + (v->kn[i] ? strlen(v->kn[i]) : 0);
    return s;
}
static void fr(V *v) {
    for (int i = 0; i < v->c; i++) {
        fr(v->k[i]);
        free(v->kn[i]);
    }
    free(v->k);
    free(v->kn);
    free(v->s);
    free(v);
}
int main(int c, char **a) {
    int n = c > 1 ? atoi(a[1]) : 20;
    cap = 64;
    buf = malloc(cap);
    put("[");
    for (int i = 0; i < 200; i++) {
        if (i)
            put(",");
        gen(4);
    }
    put("]");
    double s = 0;
    for (int i = 0; i < n; i++) {
        p = buf;
        V *v = val();
        s += sum(v);
        fr(v);
    }
    printf("%zu %.3f\n", len, s);
}
