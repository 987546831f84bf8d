using Pith.Kernels.Simd;
using Pith.Ops;

namespace Pith.Kernels.Tests.Fp32;

public unsafe class TrainingFp32Tests
{
    public static TheoryData<CpuFeatures> Levels => [IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni];

    [Theory, MemberData(nameof(Levels))]
    public void Sgd_has_the_bits_of_the_plain_loop(CpuFeatures isa)
    {
        foreach (var count in new[] { 1, 15, 16, 17, 4000 })
            foreach (var nesterov in new[] { false, true })
            {
                var random = new Random(count);
                using var weights = GuardedBuffer.Random(count, random);
                using var gradient = GuardedBuffer.Random(count, random);
                using var velocity = GuardedBuffer.Random(count, random);
                var (w, v) = (weights.Span.ToArray(), velocity.Span.ToArray());
                const float rate = 0.1f, momentum = 0.9f, decay = 5e-4f, scale = 0.7f;
                for (var i = 0; i < count; i++)
                {
                    var g = scale * gradient.Pointer[i] + decay * w[i];
                    v[i] = momentum * v[i] + g;
                    w[i] -= rate * (nesterov ? g + momentum * v[i] : v[i]);
                }
                SgdFp32.Update(weights.Span, gradient.Span, velocity.Span, new SgdStep(rate, momentum, decay, scale, nesterov), isa);
                Close.AssertSameBits(w, weights.Span, (isa, count, nesterov));
                Close.AssertSameBits(v, velocity.Span, (isa, count, nesterov));
            }
    }

    [Theory, MemberData(nameof(Levels))]
    public void AdamW_has_the_bits_of_the_plain_loop(CpuFeatures isa)
    {
        var step = new AdamWStep
        {
            CorrectedRate = 0.02f,
            RootCorrection = 1.5f,
            Keep = 0.999f,
            Beta1 = 0.9f,
            Beta2 = 0.999f,
            Epsilon = 1e-8f,
            GradientScale = 0.7f,
        };
        foreach (var count in new[] { 1, 17, 4000 })
        {
            var random = new Random(count);
            using var weights = GuardedBuffer.Random(count, random);
            using var gradient = GuardedBuffer.Random(count, random);
            using var mean = GuardedBuffer.Random(count, random);
            using var square = GuardedBuffer.Random(count, random, 0, 1);
            var (w, m, s) = (weights.Span.ToArray(), mean.Span.ToArray(), square.Span.ToArray());
            for (var i = 0; i < count; i++)
            {
                var g = step.GradientScale * gradient.Pointer[i];
                m[i] = step.Beta1 * m[i] + (1 - step.Beta1) * g;
                s[i] = step.Beta2 * s[i] + (1 - step.Beta2) * g * g;
                w[i] = step.Keep * w[i] - step.CorrectedRate * m[i] / (MathF.Sqrt(s[i]) * step.RootCorrection + step.Epsilon);
            }
            AdamWFp32.Update(weights.Span, gradient.Span, mean.Span, square.Span, step, isa);
            Close.AssertSameBits(w, weights.Span, (isa, count));
            Close.AssertSameBits(m, mean.Span, (isa, count));
            Close.AssertSameBits(s, square.Span, (isa, count));
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Fake_quantization_has_the_bits_of_quantize_then_dequantize(CpuFeatures isa)
    {
        foreach (var (outer, scales, inner) in new[] { (1, 1, 1000), (1, 5, 27), (3, 4, 17), (1, 1, 40000) })
        {
            var random = new Random(inner);
            using var x = GuardedBuffer.Random((long)outer * scales * inner, random, -3, 3);
            using var dy = GuardedBuffer.Random(x.Length, random);
            using var scale = GuardedBuffer.Random(scales, random, 0.005f, 0.03f);
            using var y = new GuardedBuffer(x.Length);
            // Ties and the exact ends of the range.
            for (var i = 0; i < Math.Min(20, inner); i++) x.Pointer[i] = scale.Pointer[0] * (i - 10 + 0.5f);
            x.Pointer[0] = 127 * scale.Pointer[0];
            x.Pointer[1] = -128 * scale.Pointer[0];
            var args = new FakeQuantizeFp32Args
            {
                Outer = outer,
                Scales = scales,
                Inner = inner,
                X = x.Pointer,
                Y = y.Pointer,
                DY = dy.Pointer,
                Scale = scale.Pointer,
                Smallest = -128,
                Largest = 127,
                Isa = isa,
            };
            for (var item = 0; item < FakeQuantizeFp32.WorkItems(&args); item++) FakeQuantizeFp32.Run(&args, item, item + 1);
            var expected = new float[x.Length];
            for (var i = 0; i < expected.Length; i++)
            {
                var s = scale.Pointer[i / inner % scales];
                expected[i] = AffineQuantization.Dequantize(AffineQuantization.Quantize(x.Pointer[i], s, 0, (-128, 127)), 0, s);
                // Adding zero turns the -0 of small negative values into the +0 of the integer 0.
                y.Pointer[i] += 0f;
            }
            Close.AssertSameBits(expected, y.Span, (isa, outer, scales, inner));

            args.Smallest = -127;
            FakeQuantizeFp32.RunGradient(&args, 0, FakeQuantizeFp32.WorkItems(&args));
            for (var i = 0; i < expected.Length; i++)
            {
                var ratio = x.Pointer[i] / scale.Pointer[i / inner % scales];
                Assert.Equal(ratio is >= -127 and <= 127 ? dy.Pointer[i] : 0, y.Pointer[i]);
            }
        }
    }
}
