using Pith.Kernels.Simd;

namespace Pith.Kernels.Tests.Fp32;

/// <summary>Batches of products whose right-hand sides differ, against plain loops in double precision; convolutions' tests cover the tiles, bias and activations.</summary>
public unsafe class GemmFp32Tests
{
    // Relative to the sum of the absolute products.
    private const double Tolerance = 1e-6;

    public static TheoryData<CpuFeatures> Levels => [IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni];

    [Theory, MemberData(nameof(Levels))]
    public void Each_product_of_a_batch_has_a_right_hand_side_of_its_own(CpuFeatures isa)
    {
        foreach (var (batch, m, n, k) in new[] { (1, 1, 1, 1), (3, 5, 7, 3), (2, 14, 33, 64), (3, 29, 196, 17), (3, 196, 64, 196), (5, 15, 31, 600), (4, 1, 50, 9), (7, 300, 1, 2) })
        {
            var random = new Random(m * n + k);
            using var a = GuardedBuffer.Random((long)batch * m * k, random);
            using var b = GuardedBuffer.Random((long)batch * k * n, random);
            using var whole = new GuardedBuffer((long)batch * m * n);
            using var pieces = new GuardedBuffer(whole.Length);
            Multiply(isa, batch, m, n, k, a.Pointer, b.Pointer, whole, 0, oneItemAtATime: false);
            // A product alone, item by item from the last, has the bits that it has in the batch.
            for (var matrix = 0; matrix < batch; matrix++)
                Multiply(isa, 1, m, n, k, a.Pointer + (nint)matrix * m * k, b.Pointer + (nint)matrix * k * n, pieces, (nint)matrix * m * n, oneItemAtATime: true);
            whole.Check();
            Close.AssertSameBits(whole.Span, pieces.Span, (isa, batch, m, n, k));
            var (expected, magnitude) = Plain(batch, m, n, k, a.Pointer, b.Pointer);
            Close.Assert(expected, whole.Span, magnitude, Tolerance, (isa, batch, m, n, k));
        }
    }

    private static void Multiply(CpuFeatures isa, int batch, int m, int n, int k, float* a, float* b, GuardedBuffer c, nint at, bool oneItemAtATime)
    {
        var args = GemmFp32Args.Dense(m, n, k, a, c.Pointer + at, isa) with { Batch = batch, BatchedB = 1 };
        using var packed = new GuardedBuffer(batch * GemmFp32.PackedFloats(&args));
        using var workspace = new GuardedBuffer(GemmFp32.WorkspaceFloats(&args));
        args.PackedB = packed.Pointer;
        for (var matrix = 0; matrix < batch; matrix++)
            GemmFp32.Pack(&args, b + (nint)matrix * k * n, n, transposed: false, packed.Pointer + matrix * GemmFp32.PackedFloats(&args), 0, GemmFp32.PackItems(&args));
        var items = GemmFp32.WorkItems(&args);
        if (!oneItemAtATime) GemmFp32.Run(&args, 0, items, workspace.Pointer);
        else for (var item = items; item-- > 0;) GemmFp32.Run(&args, item, item + 1, workspace.Pointer);
        packed.Check();
        workspace.Check();
    }

    private static (float[] Product, float[] Magnitude) Plain(int batch, int m, int n, int k, float* a, float* b)
    {
        var (product, magnitude) = (new float[batch * m * n], new float[batch * m * n]);
        for (var at = 0; at < product.Length; at++)
        {
            var (row, column) = Math.DivRem(at, n);
            double sum = 0, absolute = 0;
            for (var i = 0; i < k; i++)
            {
                double term = (double)a[row * k + i] * b[(row / m * k + i) * n + column];
                sum += term;
                absolute += Math.Abs(term);
            }
            (product[at], magnitude[at]) = ((float)sum, (float)absolute);
        }
        return (product, magnitude);
    }
}
