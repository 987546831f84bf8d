using Pith.Ops;
using Pith.Passes;

namespace Pith.Tests.Passes;

/// <summary>Spellings of sums and clippings.</summary>
public class PlainElementwiseTests
{
    private readonly Graph _graph = new("spellings");
    private readonly Value _x;

    public PlainElementwiseTests() => _x = _graph.AddInput("x", TensorType.Float32(2, 5));

    private Value Number(float value, params int[] dims) => _graph.AddConstant("number", Tensor.Create(new Shape(dims), [value]));

    private Node Simplified(Value output)
    {
        _graph.AddOutput(output);
        var data = Tensor.Create(new Shape(2, 5), new[] { -9, -1, -0.5f, 0, 0.5f, 1, 2, 6, 7, float.NaN });
        var want = GraphInterpreter.Run(_graph, [data])[0].As<float>().Data;
        PassRunner.RunToFixpoint(_graph, Pipelines.Simplify);
        Assert.Equal(want, GraphInterpreter.Run(_graph, [data])[0].As<float>().Data);
        return _graph.Nodes[^1];
    }

    private static float? Bound(Node clip, int index) => clip.Input(index)?.Constant!.As<float>().Data[0];

    [Fact]
    public void Relu6_as_Min_and_Max_is_one_Clip()
    {
        var clip = Simplified(_graph.Add(new Min(), Number(6), _graph.Add(new Max(), _x, Number(0, 1, 1))));
        Assert.Single(_graph.Nodes);
        Assert.Equal((0f, 6f), (Bound(clip, 1), Bound(clip, 2)));
    }

    [Fact]
    public void Relu_before_a_Clip_is_its_lower_bound()
    {
        var clip = Simplified(_graph.Add(new Clip(), _graph.Add(new Relu(), _x), null, Number(6)));
        Assert.Single(_graph.Nodes);
        Assert.Equal((0f, 6f), (Bound(clip, 1), Bound(clip, 2)));
    }

    [Theory]
    [InlineData(-1, 1, 2, 3)] // every number becomes 2
    [InlineData(-1, 4, 0, 3)]
    [InlineData(0, 1, -5, 5)]
    public void Two_clippings_are_one(float first, float last, float low, float high)
    {
        Simplified(_graph.Add(new Clip(), _graph.Add(new Clip(), _x, Number(first), Number(last)), Number(low), Number(high)));
        Assert.Single(_graph.Nodes);
    }

    [Fact]
    public void A_Sum_is_a_chain_of_Adds()
    {
        Simplified(_graph.Add(new Sum(), _x, _graph.Add(new Relu(), _x), _graph.Add(new Neg(), _x)));
        Assert.Equal(2, _graph.Nodes.Count(node => node.Op is Add));
        Assert.DoesNotContain(_graph.Nodes, node => node.Op is Sum);
    }

    [Fact]
    public void A_Max_that_broadcasts_or_has_a_bound_for_each_element_stays()
    {
        var bounds = _graph.AddConstant("bounds", Tensor.Vector(1f, 2, 3, 4, 5));
        Assert.IsType<Max>(Simplified(_graph.Add(new Max(), _x, bounds)).Op);
    }
}
