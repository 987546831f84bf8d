using Pith.Building;

namespace Pith.Kernels.Reference;

/// <summary>Convolution of operands that are rounded to bfloat16, as plain loops over the definition, summed in double precision.</summary>
internal static class ConvBf16Reference
{
    /// <summary>
    /// y = activation(conv(bf16(x), bf16(w)) + bias + residual), and for each result the sum of the magnitudes of everything that is added: a sum of n numbers in floats, in whatever order, is no
    /// further than n * 2^-24 of that from the exact one.
    /// </summary>
    /// <param name="x">[N, C, H, W]</param>
    /// <param name="w">[K, C, R, S]</param>
    /// <param name="bias">[K], or null.</param>
    /// <param name="residual">[N, K, OH, OW], or null.</param>
    /// <param name="window">Kernel, strides, dilations, padding.</param>
    /// <param name="activation">The function.</param>
    public static (float[] Result, double[] Magnitude) Forward(Tensor<float> x, Tensor<float> w, Tensor<float>? bias, Tensor<float>? residual, Window window, Activation activation)
    {
        var (images, channels, height, width, outChannels) = (x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], w.Shape[0]);
        var rows = (height + window.PadTop + window.PadBottom - (window.KernelHeight - 1) * window.DilationHeight - 1) / window.StrideHeight + 1;
        var columns = (width + window.PadLeft + window.PadRight - (window.KernelWidth - 1) * window.DilationWidth - 1) / window.StrideWidth + 1;
        var (pixels, weights) = (Rounded(x), Rounded(w));
        var result = new float[images * outChannels * rows * columns];
        var magnitude = new double[result.Length];
        for (var i = 0; i < result.Length; i++)
        {
            var (n, k, row, column) = (i / columns / rows / outChannels, i / columns / rows % outChannels, i / columns % rows, i % columns);
            var sum = 0.0;
            void Add(double value)
            {
                sum += value;
                magnitude[i] += Math.Abs(value);
            }
            if (bias is not null) Add(bias.Data[k]);
            if (residual is not null) Add(residual.Data[i]);
            for (var c = 0; c < channels; c++)
                for (var r = 0; r < window.KernelHeight; r++)
                    for (var s = 0; s < window.KernelWidth; s++)
                    {
                        var (y, z) = (row * window.StrideHeight - window.PadTop + r * window.DilationHeight, column * window.StrideWidth - window.PadLeft + s * window.DilationWidth);
                        if (y < 0 || y >= height || z < 0 || z >= width) continue;
                        Add(pixels[((n * channels + c) * height + y) * width + z] * weights[((k * channels + c) * window.KernelHeight + r) * window.KernelWidth + s]);
                    }
            result[i] = (float)ActivationReference.Apply(activation, sum);
        }
        return (result, magnitude);
    }

    private static double[] Rounded(Tensor<float> values) => [.. values.Data.Select(value => (double)Bfloat16.Widen(Bfloat16.Round(value)))];
}
