using Pith.Ops;

namespace Pith.Tests.Ops;

/// <summary>Sizes inferred with symbols, evaluated at numbers, are the sizes inferred from these numbers and those of the results; and numbers at the edge of their type give right sizes or a clear error.</summary>
public class SymbolicSizeTests
{
    private const long Most = long.MaxValue, Least = long.MinValue;

    private static readonly Dim s_n = Dim.Named("N"), s_h = Dim.Named("H");

    private static readonly (string Name, Func<Graph, Value, Value> Make)[] s_forms = [.. Forms()];

    public static TheoryData<string> FormNames => new(s_forms.Select(form => form.Name));

    private static IEnumerable<(string, Func<Graph, Value, Value>)> Forms()
    {
        foreach (var (kernel, stride, pad, dilation) in new[] { (3, 1, 1, 1), (3, 2, 1, 1), (2, 2, 0, 1), (3, 2, 0, 2), (1, 3, 0, 1), (5, 4, 2, 1) })
        {
            var window = WindowAttributes.Uniform(kernel, stride, pad, dilation);
            var what = $"kernel {kernel}, stride {stride}, pad {pad}, dilation {dilation}";
            foreach (var ceil in new[] { false, true }) yield return ($"max pool, {what}{(ceil ? ", ceil" : "")}", (g, x) => g.Add(new MaxPool { Window = window with { CeilMode = ceil } }, x));
            foreach (var auto in new[] { AutoPad.SameUpper, AutoPad.SameLower, AutoPad.Valid }) yield return ($"max pool, {what}, {auto}", (g, x) => g.Add(new MaxPool { Window = window with { Pads = [], AutoPad = auto } }, x));
            yield return ($"conv, {what}", (g, x) => g.Add(new Conv { Window = window }, x, g.AddConstant("w", Tensor.Zeros<float>(new Shape(2, 4, kernel, kernel)))));
            yield return ($"conv transpose, {what}", (g, x) => g.Add(new ConvTranspose { Window = window with { KernelShape = [] } }, x, g.AddConstant("w", Tensor.Zeros<float>(new Shape(4, 2, kernel, kernel)))));
        }
        foreach (var start in new[] { 0, 1, 3, -1, -2, -20, 20, Most, Least })
            foreach (var end in new[] { 0, 1, 5, -1, -3, 20, Most, Least })
                foreach (var step in new[] { 1, 2, 5, -1, -3, Most, Least })
                    yield return ($"slice {start}:{end}:{step}", (g, x) => g.Add(new Slice(), x, Vector(g, start), Vector(g, end), Vector(g, 2), Vector(g, step)));
        foreach (var scale in new[] { 0.5f, 1.5f, 2f, 0.3f, 1 / 3f, 2.75f })
            yield return ($"resize {scale}", (g, x) => g.Add(new Resize(), x, null, g.AddConstant("scales", Tensor.Vector(1f, 1f, scale, 1f))));
        yield return ("pad", (g, x) => g.Add(new Pad(), x, Vector(g, 0, 0, 2, 1, 1, 0, 3, -1)));
        yield return ("tile", (g, x) => g.Add(new Tile(), x, Vector(g, 2, 1, 3, 1)));
        yield return ("concat", (g, x) => g.Add(new Concat(2), x, g.Add(new Transpose([0, 1, 2, 3]), x), g.AddConstant("c", Tensor.Zeros<float>(new Shape(1, 4, 3, 6)))));
        yield return ("flatten", (g, x) => g.Add(new Flatten(3), x));
        yield return ("merge", (g, x) => g.Add(new Reshape(), x, Vector(g, 0, -1, 3)));
        yield return ("split in three", (g, x) => g.Add(new Concat(1), g.AddNode(new Split(2, 3), [x], "split").Outputs[2], g.AddNode(new Split(2, 3), [x], "split").Outputs[2]));
        yield return ("space to depth", (g, x) => g.Add(new SpaceToDepth(2), x));
        yield return ("depth to space", (g, x) => g.Add(new DepthToSpace(2), x));
        yield return ("two symbols in a sum", (g, x) => g.Add(new Add(), x, g.Add(new Transpose([2, 1, 0, 3]), x)));
        yield return ("half of the shape", (g, x) => g.Add(ConstantOfShape.Of(0f), g.Add(new Div(), g.Add(new ShapeOf(), x), Vector(g, 2))));
        yield return ("rest of the shape", (g, x) => g.Add(ConstantOfShape.Of(0f), g.Add(new Mod(), g.Add(new ShapeOf(), x), Vector(g, 3))));
        yield return ("sum of the shape", (g, x) => g.Add(ConstantOfShape.Of(0f), g.Add(new Add(), g.Add(new ShapeOf(), x), Vector(g, 1, 2, 3, 4))));
        yield return ("bounded shape", (g, x) => g.Add(ConstantOfShape.Of(0f), g.Add(new Min(), g.Add(new ShapeOf(), x), Vector(g, 3))));
        yield return ("range", (g, x) => g.Add(new Pith.Ops.Range(), Scalar(g, 3), g.Add(new Gather(), g.Add(new ShapeOf(), x), Scalar(g, 2)), Scalar(g, 2)));
        yield return ("range down", (g, x) => g.Add(new Pith.Ops.Range(), g.Add(new Gather(), g.Add(new ShapeOf(), x), Scalar(g, 2)), Scalar(g, -1), Scalar(g, -1)));
        yield return ("expand", (g, x) => g.Add(new Expand(), g.AddConstant("c", Tensor.Scalar(1f)), g.Add(new ShapeOf(), x)));
        yield return ("unsqueeze and squeeze", (g, x) => g.Add(new Squeeze([4]), g.Add(new Unsqueeze([1, 4]), x)));
        yield return ("pooled until small", (g, x) => Enumerable.Range(0, 4).Aggregate(x, (y, _) => g.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 2, 1) }, y)));
        yield return ("through two windows", (g, x) => g.Add(new Concat(1), g.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 2, 1) }, x), g.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 2) with { CeilMode = true } }, x)));
    }

    [Theory]
    [MemberData(nameof(FormNames))]
    public void Symbols_give_the_sizes_of_numbers(string name)
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(s_n, 4, s_h, 6));
        graph.AddOutput(s_forms.First(form => form.Name == name).Make(graph, x));
        var compared = 0;
        foreach (var (n, h) in Enumerable.Range(1, 3).SelectMany(n => Enumerable.Range(1, 17).Select(h => (n, h))))
        {
            Graph bound;
            try
            {
                bound = graph.Clone(("N", n), ("H", h));
            }
            catch (PithException)
            {
                // Not valid at these sizes.
                continue;
            }
            compared++;
            var at = graph.Outputs[0].Type.Dims.Select(dim => dim.Bind(symbol => symbol == "N" ? n : h)).ToArray();
            var want = bound.Outputs[0].Type;
            for (var axis = 0; axis < at.Length; axis++)
                Assert.True(at[axis] == want[axis] || at[axis].ToString().StartsWith('?'), $"{name}, N = {n}, H = {h}: {graph.Outputs[0].Type} should be {want}, axis {axis} is {at[axis]}");
            var result = GraphInterpreter.Run(bound, [Tensor.Zeros<float>(new Shape(n, 4, h, 6))])[0];
            Assert.True(TensorType.Of(result).Dims == want.Dims, $"{name}, N = {n}, H = {h}: inferred {want}, computed {result}");
        }
        Assert.True(compared > 0, name);
    }

    [Fact]
    public void Sizes_of_different_windows_have_different_names()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(1, 4, s_h, 6));
        Dim After(WindowAttributes window) => graph.Add(new MaxPool { Window = window }, x).Type[2];
        Dim[] sizes = [After(WindowAttributes.Uniform(2, 2)), After(WindowAttributes.Uniform(3, 2)), After(WindowAttributes.Uniform(3, 2, 1)), After(WindowAttributes.Uniform(2, 2) with { CeilMode = true })];
        // 3x3 with padding 1 rounds up, as ceil mode does; the others differ.
        Assert.Equal(sizes[2], sizes[3]);
        Assert.Equal(3, sizes.Distinct().Count());
        // Of equal sizes an Add is known to be valid and needs no broadcasting.
        Assert.Equal(sizes[0], After(WindowAttributes.Uniform(2, 2)));
    }

    // On ordinary numbers; what Evaluate gives is right, and so must be what is known beforehand.
    [Fact]
    public void Arithmetic_on_ordinary_integers_is_right_or_unknown()
    {
        long[] numbers = [0, 1, -1, 2, 7, -7, int.MaxValue, int.MinValue, (long)int.MaxValue + 1, Most, Least, Most - 1, 1L << 40];
        foreach (var type in new[] { DataType.Int64, DataType.Int32 })
            foreach (var op in new Op[] { new Add(), new Sub(), new Mul(), new Div(), new Mod(), new Mod(Truncated: true), new Min(), new Max(), new Equal() })
                foreach (var a in numbers)
                    foreach (var b in numbers)
                    {
                        if (type == DataType.Int32 && (a != (int)a || b != (int)b)) continue;
                        var graph = new Graph();
                        var (left, right) = (Tensor.Vector(a).ConvertTo(type), Tensor.Vector(b).ConvertTo(type));
                        var known = graph.Add(op, graph.AddConstant("a", left), graph.AddConstant("b", right)).ShapeValue;
                        Tensor want;
                        try
                        {
                            want = op.Evaluate([left, right], 1)[0];
                        }
                        catch (PithException)
                        {
                            Assert.Null(known);
                            continue;
                        }
                        if (known is not { } content) continue;
                        Assert.True(content[0] == Dim.Of(want is Tensor<bool> truth ? truth.Data[0] ? 1 : 0 : want.ToInt64s()[0]), $"{op} of {a} and {b} ({type}) is {want}, inferred {content}");
                    }
    }

    [Fact]
    public void Numbers_that_do_not_fit_a_cast_are_not_known_after_it()
    {
        var graph = new Graph();
        Assert.Null(graph.Add(new Cast(DataType.Int32), graph.AddConstant("c", Tensor.Vector(1L << 40))).ShapeValue);
        Assert.Equal("[7]", graph.Add(new Cast(DataType.Int32), graph.AddConstant("c", Tensor.Vector(7L))).ShapeValue.ToString());
    }

    public static TheoryData<string> Extremes => new(s_extremes.Keys);

    private static readonly Dictionary<string, Func<Graph, Value, Value>> s_extremes = new()
    {
        ["pad"] = (g, x) => g.Add(new Pad(), x, Vector(g, 0, 0, 0, 0, 0, 0, Most, 0)),
        ["pad by much"] = (g, x) => g.Add(new Pad(), x, Vector(g, 0, 0, 0, 0, 0, 0, int.MaxValue, 0)),
        ["pad by less than nothing"] = (g, x) => g.Add(new Pad(), x, Vector(g, 0, 0, 0, 0, 0, 0, Least, 0)),
        ["tile"] = (g, x) => g.Add(new Tile(), x, Vector(g, 1, 1, Most, 1)),
        ["tile often"] = (g, x) => g.Add(new Tile(), x, Vector(g, 1 << 20, 1 << 20, 1 << 20, 1 << 20)),
        ["tile backwards"] = (g, x) => g.Add(new Tile(), x, Vector(g, 1, 1, -1, 1)),
        ["expand"] = (g, x) => g.Add(new Expand(), x, Vector(g, Most, 1, 1, 1, 1)),
        ["expand to less"] = (g, x) => g.Add(new Expand(), x, Vector(g, Least, 1, 1, 1, 1)),
        ["expand far"] = (g, x) => g.Add(new Expand(), x, Vector(g, int.MaxValue, 1, 1, 1, 1)),
        ["constant of shape"] = (g, _) => g.Add(ConstantOfShape.Of(0f), Vector(g, Most)),
        ["constant of large shape"] = (g, _) => g.Add(ConstantOfShape.Of(0f), Vector(g, 1 << 20, 1 << 20)),
        ["constant of less than no shape"] = (g, _) => g.Add(ConstantOfShape.Of(0f), Vector(g, Least)),
        ["reshape"] = (g, x) => g.Add(new Reshape(), x, Vector(g, Most)),
        ["reshape to the least"] = (g, x) => g.Add(new Reshape(), x, Vector(g, Least)),
        ["reshape to what wraps"] = (g, x) => g.Add(new Reshape(), x, Vector(g, (1L << 32) + 1, -1)),
        ["gather the least"] = (g, x) => g.Add(new Gather(2), x, Vector(g, Least)),
        ["gather the most"] = (g, x) => g.Add(new Gather(2), x, Vector(g, Most)),
        ["gather what wraps"] = (g, x) => g.Add(new Gather(2), x, Vector(g, 1L << 32)),
        ["gather of a shape"] = (g, x) => g.Add(new Gather(), g.Add(new ShapeOf(), x), Vector(g, Least)),
        ["resize to the most"] = (g, x) => g.Add(new Resize(), x, null, null, Vector(g, 2, 4, Most, 6)),
        ["resize to what wraps"] = (g, x) => g.Add(new Resize(), x, null, null, Vector(g, 2, 4, (1L << 32) + 8, 6)),
        ["resize by infinity"] = (g, x) => g.Add(new Resize(), x, null, g.AddConstant("s", Tensor.Vector(1f, 1f, float.PositiveInfinity, 1f))),
        ["resize by much"] = (g, x) => g.Add(new Resize(), x, null, g.AddConstant("s", Tensor.Vector(1f, 1f, 1e30f, 1f))),
        ["range of everything"] = (g, _) => g.Add(new Pith.Ops.Range(), Scalar(g, Least), Scalar(g, Most), Scalar(g, 1)),
        ["range without steps"] = (g, _) => g.Add(new Pith.Ops.Range(), Scalar(g, 0), Scalar(g, 1), Scalar(g, 0)),
        ["range of reals"] = (g, _) => g.Add(new Pith.Ops.Range(), g.AddConstant("a", Tensor.Scalar(0f)), g.AddConstant("b", Tensor.Scalar(float.PositiveInfinity)), g.AddConstant("c", Tensor.Scalar(1f))),
        ["slice of unequal lists"] = (g, x) => g.Add(new Slice(), x, Vector(g, 0, 0), Vector(g, 1), Vector(g, 0, 1)),
        ["slice along the least axis"] = (g, x) => g.Add(new Slice(), x, Vector(g, 0), Vector(g, 1), Vector(g, Least)),
        ["slice along what wraps"] = (g, x) => g.Add(new Slice(), x, Vector(g, 0), Vector(g, 1), Vector(g, 1L << 32)),
        ["window"] = (g, x) => g.Add(new MaxPool { Window = WindowAttributes.Uniform(int.MaxValue, 1, 0, int.MaxValue) }, x),
        ["depth"] = (g, x) => g.Add(new DepthToSpace(1 << 16), x),
        ["space"] = (g, x) => g.Add(new SpaceToDepth(1 << 16), x),
        ["split"] = (g, x) => g.AddNode(new Split(1, 2, [int.MaxValue, int.MaxValue]), [x], "split").Outputs[0],
        ["concat"] = (g, x) => Enumerable.Range(0, 40).Aggregate(x, (y, _) => g.Add(new Concat(2), y, y)),
    };

    // Refused when it is built or, where only a run can tell, when it is run: always with a message, never by running out of memory.
    [Theory]
    [MemberData(nameof(Extremes))]
    public void Extreme_numbers_are_clear_errors(string name)
    {
        foreach (var height in new Dim[] { 5, s_h })
        {
            var failure = Assert.Throws<PithException>(() =>
            {
                var graph = new Graph();
                var x = graph.AddInput("x", TensorType.Float32(2, 4, height, 6));
                graph.AddOutput(s_extremes[name](graph, x));
                if (name == "concat") graph.Clone(("H", 5));
                GraphInterpreter.Run(graph, [Tensor.Zeros<float>(new Shape(2, 4, 5, 6))]);
            });
            Assert.NotEmpty(failure.Message);
        }
    }

    [Fact]
    public void Ranges_of_integers_are_exact_to_the_last()
    {
        var graph = new Graph();
        var range = graph.Add(new Pith.Ops.Range(), Scalar(graph, Most - 5), Scalar(graph, Most), Scalar(graph, 2));
        graph.AddOutput(range);
        Assert.Equal([Most - 5, Most - 3, Most - 1], GraphInterpreter.Run(graph, [])[0].ToInt64s());
        Assert.Equal([Dim.Of(Most - 5), Dim.Of(Most - 3), Dim.Of(Most - 1)], range.ShapeValue!.Value);
    }

    [Fact]
    public void Squeeze_without_axes_removes_only_what_is_known_to_be_one()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(s_n, 8, 1, 1));
        Assert.Equal("f32[N,8]", graph.Add(new Squeeze(), x).Type.ToString());
    }

    private static Value Vector(Graph graph, params long[] values) => graph.AddConstant("v", Tensor.Vector(values));

    private static Value Scalar(Graph graph, long value) => graph.AddConstant("v", Tensor.Scalar(value));
}
