using Pith.EngineTests.Int8;
using Pith.Ops;

namespace Pith.EngineTests.Forms;

/// <summary>Ops that move elements: in the layout of the network's input, between convolutions, and on 8-bit values; always the same bits.</summary>
public class MovementTests
{
    public static TheoryData<string> Names => new(All.Keys);

    private static Dictionary<string, Func<FormGraph, Value, Value>> All { get; } = new()
    {
        ["depth to space 2"] = (f, x) => f.Add(new DepthToSpace(2), x),
        ["depth to space 2, channels first"] = (f, x) => f.Add(new DepthToSpace(2, ColumnRowDepth: true), x),
        ["depth to space 6"] = (f, x) => f.Add(new DepthToSpace(6), x),
        ["space to depth"] = (f, x) => f.Add(new SpaceToDepth(2), x),
        ["space to depth 3"] = (f, x) => f.Add(new SpaceToDepth(3), x),
        ["channel shuffle 2"] = (f, x) => Shuffled(f, x, 2),
        ["channel shuffle 3"] = (f, x) => Shuffled(f, x, 3),
        ["reflect"] = (f, x) => f.Add(new Pad(PadMode.Reflect), x, f.Integers(0, 0, 2, 1, 0, 0, 3, 5)),
        ["edge"] = (f, x) => f.Add(new Pad(PadMode.Edge), x, f.Integers(0, 1, 2, 1, 0, 0, 0, 3)),
        ["wrap"] = (f, x) => f.Add(new Pad(PadMode.Wrap), x, f.Integers(0, 0, 1, 4, 0, 0, 1, 2)),
        ["constant"] = (f, x) => f.Add(new Pad(), x, f.Integers(0, 2, 1, 0, 0, 3, 0, 4), f.Graph.AddConstant("value", Tensor.Scalar(0.5f))),
        ["cut and padded"] = (f, x) => f.Add(new Pad(), x, f.Integers(0, -1, -2, 1, 0, 0, 1, -3)),
        ["padded axes"] = (f, x) => f.Add(new Pad(PadMode.Constant, [-1]), x, f.Integers(2, 2)),
        ["nearest 2"] = (f, x) => f.Add(new Resize { Coordinates = ResizeCoordinates.Asymmetric, Rounding = ResizeRounding.Floor }, x, null, f.Floats(1, 1, 2, 2)),
        ["nearest of any size"] = (f, x) => f.Add(new Resize { Coordinates = ResizeCoordinates.HalfPixel }, x, null, f.Floats(1, 1, 1.7f, 0.6f)),
        ["nearest channels"] = (f, x) => f.Add(new Resize { Coordinates = ResizeCoordinates.AlignCorners }, x, null, f.Floats(1, 2, 1, 3)),
        ["slice"] = (f, x) => f.Add(new Slice(), x, f.Integers(3, 1), f.Integers(31, 100), f.Integers(1, 3), f.Integers(1, 2)),
        ["focus"] = (f, x) => f.Add(new Concat(1), Every(f, x, 0, 0), Every(f, x, 1, 0), Every(f, x, 0, 1), Every(f, x, 1, 1)),
    };

    private static Value Every(FormGraph f, Value x, long row, long column) => f.Add(new Slice(), x, f.Integers(row, column), f.Integers(6, 12), f.Integers(2, 3), f.Integers(2, 2));

    private static Value Shuffled(FormGraph f, Value x, int groups)
    {
        var turned = f.Add(new Transpose([0, 2, 1, 3, 4]), f.Add(new Reshape(), x, f.Integers(0, groups, 36 / groups, 6, 12)));
        return f.Add(new Reshape(), turned, f.Integers(0, 36, 6, 12));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Moves_of_the_input(string name) => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(36, 6, 12);
        return f.Returning(All[name](f, f.X));
    }, 0);

    [Theory]
    [MemberData(nameof(Names))]
    public void Moves_between_convolutions(string name) => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(36, 6, 12);
        var y = All[name](f, f.Add(new Conv(), f.X, f.Reals(36, 36, 1, 1)));
        return f.Returning(f.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) }, y, f.Reals(7, y.Type[1].Size, 3, 3)));
    }, 1e-5);

    [Theory]
    [MemberData(nameof(Names))]
    public void Moves_of_quantized_values(string name)
    {
        foreach (var isUnsigned in new[] { false, true })
            FormCheck.AgreesInt8(() =>
            {
                var f = new FormGraph(36, 6, 12);
                var builder = new QdqGraphBuilder(f.Graph, 11, isUnsigned);
                var y = All[name](f, builder.Quantized(builder.Conv(builder.Quantized(f.X), 36, 36)));
                return f.Returning(builder.Quantized(y));
            });
    }

    [Theory]
    [InlineData("channel")]
    [InlineData("scalar")]
    [InlineData("full")]
    [InlineData("row")]
    public void PRelu_has_any_slope(string form)
    {
        foreach (var isAfterConvolution in new[] { false, true })
            FormCheck.Agrees(() =>
            {
                var f = new FormGraph(19, 5, 7);
                var slope = form switch { "channel" => f.Reals(19, 1, 1), "scalar" => f.Reals(1), "full" => f.Reals(1, 19, 5, 7), _ => f.Reals(7) };
                return f.Returning(f.Add(new PRelu(), isAfterConvolution ? f.Add(new Conv(), f.X, f.Reals(19, 19, 1, 1)) : f.X, slope));
            }, 1e-5);
    }
}
