/* The network of the benchmark in plain loops. REAL is float or double. Weights have the shape (out, in), row by row;
 * a[l] holds the activations of layer l, d[l] the gradient of the loss with respect to its values before tanh.
 * tgmath.h chooses tanh and exp for float or double. */
#include <tgmath.h>
#include <string.h>

static void forward(int layers, const int *width, REAL **w, REAL **b, REAL **a, int rows) {
    for (int l = 0; l < layers; l++) {
        int in = width[l], out = width[l + 1];
        for (int j = 0; j < out; j++) {
            const REAL *row = w[l] + (long)j * in;
            for (int s = 0; s < rows; s++) {
                const REAL *x = a[l] + (long)s * in;
                REAL sum = b[l][j];
                for (int i = 0; i < in; i++) sum += row[i] * x[i];
                a[l + 1][(long)s * out + j] = sum;
            }
        }
        if (l + 1 < layers)
            for (long i = 0; i < (long)rows * out; i++) a[l + 1][i] = tanh(a[l + 1][i]);
    }
}

static void sigmoid(REAL *out, const REAL *z, long n) {
    for (long i = 0; i < n; i++) out[i] = 1 / (1 + exp(-z[i]));
}

void epoch(int layers, const int *width, REAL **w, REAL **b, REAL **a, REAL **d, int batches, int rows,
           REAL **xs, REAL **ys, double rate) {
    REAL *own = a[0];
    for (int k = 0; k < batches; k++) {
        a[0] = xs[k];
        forward(layers, width, w, b, a, rows);
        long n = (long)rows * width[layers];
        sigmoid(d[layers], a[layers], n);
        for (long i = 0; i < n; i++) d[layers][i] -= ys[k][i];
        for (int l = layers - 1; l >= 0; l--) {
            int in = width[l], out = width[l + 1];
            if (l > 0)
                for (int s = 0; s < rows; s++) {
                    REAL *below = d[l] + (long)s * in, *x = a[l] + (long)s * in;
                    memset(below, 0, in * sizeof(REAL));
                    for (int j = 0; j < out; j++) {
                        const REAL *row = w[l] + (long)j * in;
                        REAL g = d[l + 1][(long)s * out + j];
                        for (int i = 0; i < in; i++) below[i] += g * row[i];
                    }
                    for (int i = 0; i < in; i++) below[i] *= 1 - x[i] * x[i];
                }
            for (int j = 0; j < out; j++) {
                REAL *row = w[l] + (long)j * in;
                for (int s = 0; s < rows; s++) {
                    const REAL *x = a[l] + (long)s * in;
                    REAL g = (REAL)rate * d[l + 1][(long)s * out + j];
                    for (int i = 0; i < in; i++) row[i] -= g * x[i];
                    b[l][j] -= g;
                }
            }
        }
    }
    a[0] = own;
}

void predict(int layers, const int *width, REAL **w, REAL **b, REAL **a, int calls, int rows, REAL **xs, REAL **ys) {
    REAL *own = a[0];
    for (int k = 0; k < calls; k++) {
        a[0] = xs[k];
        forward(layers, width, w, b, a, rows);
        sigmoid(ys[k], a[layers], (long)rows * width[layers]);
    }
    a[0] = own;
}
