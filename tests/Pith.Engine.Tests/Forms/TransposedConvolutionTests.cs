using Pith.EngineTests.Int8;
using Pith.Ops;

namespace Pith.EngineTests.Forms;

/// <summary>Transposed convolutions as convolutions whose results are interleaved.</summary>
public class TransposedConvolutionTests
{
    private const double Tolerance = 1e-5;

    /// <summary>Kernel, stride, padding, output padding, groups, output channels.</summary>
    public static TheoryData<int, int, int, int, int, int> Windows => new()
    {
        { 2, 2, 0, 0, 1, 32 }, { 2, 2, 0, 0, 1, 3 }, { 3, 2, 1, 1, 1, 20 }, { 4, 2, 1, 0, 1, 16 }, { 4, 2, 1, 0, 1, 3 }, { 3, 1, 1, 0, 1, 8 }, { 5, 3, 2, 0, 1, 7 }, { 2, 3, 0, 0, 1, 5 },
        { 4, 2, 1, 0, 4, 8 }, { 3, 2, 1, 1, 12, 12 }, { 1, 2, 0, 1, 1, 6 }, { 2, 2, 1, 0, 1, 5 }, { 6, 2, 3, 0, 1, 18 }, { 3, 2, 2, 0, 1, 4 },
        { 4, 4, 0, 0, 1, 3 }, { 8, 4, 2, 0, 1, 3 }, { 2, 2, 0, 0, 1, 70 }, { 3, 3, 1, 0, 1, 1 }, { 4, 2, 1, 0, 1, 1 },
    };

    [Theory]
    [MemberData(nameof(Windows))]
    public void Float_images_and_sequences(int kernel, int stride, int pad, int outputPadding, int groups, int outChannels)
    {
        foreach (var axes in new[] { 2, 1 })
            foreach (var activation in new Op[] { new Relu(), new Sigmoid() })
                FormCheck.Agrees(() =>
                {
                    var f = axes == 2 ? new FormGraph(12, 7, 5) : new FormGraph(12, 11);
                    var op = new ConvTranspose { Window = WindowAttributes.Uniform(kernel, stride, pad, axes: axes) with { KernelShape = [] }, OutputPadding = ValueList.Repeat(outputPadding, axes), Groups = groups };
                    var y = f.Add(op, f.X, f.Reals([12, outChannels / groups, .. Enumerable.Repeat(kernel, axes)]), f.Reals(outChannels));
                    var activated = f.Add(activation, y);
                    return f.Returning(activation is Sigmoid ? f.Add(new Mul(), y, activated) : activated);
                }, Tolerance);
    }

    [Theory]
    [InlineData(2, 2, 0, 6)]
    [InlineData(4, 2, 1, 40)]
    [InlineData(3, 3, 1, 17)]
    public void Joined_images_have_a_border_for_the_convolution_after_them(int kernel, int stride, int pad, int channels)
    {
        foreach (var isOutput in new[] { false, true })
            FormCheck.Agrees(() =>
            {
                var f = new FormGraph(12, 7, 5);
                var y = f.Add(new ConvTranspose { Window = WindowAttributes.Uniform(kernel, stride, pad) with { KernelShape = [] } }, f.X, f.Reals(12, channels, kernel, kernel), f.Reals(channels));
                var z = f.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, y, f.Reals(9, channels, 3, 3));
                f.Returning(z);
                return isOutput ? f.Returning(y) : f.Graph;
            }, Tolerance);
    }

    [Fact]
    public void Strides_and_dilations_may_differ_by_axis() => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(6, 5, 9);
        var window = new WindowAttributes { Strides = [3, 2], Dilations = [1, 2], Pads = [0, 1, 2, 0] };
        return f.Returning(f.Add(new ConvTranspose { Window = window }, f.X, f.Reals(6, 10, 2, 3)));
    }, Tolerance);

    [Theory]
    [InlineData(4, 3, 1)]
    [InlineData(3, 2, 1)]
    [InlineData(5, 3, 2)]
    [InlineData(2, 1, 0)]
    public void One_pixel_is_spread_out(int kernel, int stride, int pad) => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(6, 1, 1);
        return f.Returning(f.Add(new ConvTranspose { Window = WindowAttributes.Uniform(kernel, stride, pad) with { KernelShape = [] } }, f.X, f.Reals(6, 10, kernel, kernel)));
    }, Tolerance);

    [Fact]
    public void Output_sizes_and_constants_per_channel() => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(6, 5, 9);
        var y = f.Add(new ConvTranspose { Window = new() { Strides = [2, 2] }, OutputSizes = [10, 18] }, f.X, f.Reals(6, 10, 3, 3));
        y = f.Add(new Add(), f.Add(new Mul(), y, f.Reals(1, 10, 1, 1)), f.Reals(10, 1, 1));
        return f.Returning(f.Add(new PRelu(), y, f.Reals(10, 1, 1)));
    }, Tolerance);

    [Theory]
    [InlineData(2, 2, 0, 0, 1)]
    [InlineData(3, 2, 1, 1, 1)]
    [InlineData(4, 2, 1, 0, 1)]
    [InlineData(4, 2, 1, 0, 24)]
    public void Quantized_ones_run_in_int8(int kernel, int stride, int pad, int outputPadding, int groups)
    {
        foreach (var isUnsigned in new[] { false, true })
            FormCheck.AgreesInt8(() =>
            {
                var builder = new QdqGraphBuilder(5, isUnsigned);
                var (w, _) = builder.Weights(new Shape(24, 24 / groups, kernel, kernel), groups == 1 ? 1 : 0);
                if (groups > 1) w = builder.Graph.Add(new DequantizeLinear(), w.Producer!.Input(0), builder.Graph.AddConstant("s", Tensor.Scalar(0.01f)));
                var op = new ConvTranspose { Window = WindowAttributes.Uniform(kernel, stride, pad) with { KernelShape = [] }, OutputPadding = [outputPadding, outputPadding], Groups = groups };
                var x = builder.Quantized(builder.Input(24, 6, 7));
                var y = builder.Quantized(builder.Graph.Add(new Relu(), builder.Graph.Add(op, x, w)));
                builder.Graph.AddOutput(builder.Quantized(builder.Conv(y, 24, 9, 3, pad: 1)));
                return builder.Graph;
            });
    }
}
