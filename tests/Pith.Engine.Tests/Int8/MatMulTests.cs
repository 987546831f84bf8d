namespace Pith.EngineTests.Int8;
/// <summary>Quantized matrix products of operands that are not matrices.</summary>
public class MatMulTests
{
    [Fact]
    public void Matrix_products_of_images_equal_the_interpreter()
    {
        var b = new QdqGraphBuilder(4);
        var x = b.Quantized(b.Input(3, 5, 8));
        b.Graph.AddOutput(b.Quantized(b.MatMul(x, 8, 6)));
        var input = b.Data(new Shape(2, 3, 5, 8));
        using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = 2, TimeTactics = false });
        using var context = engine.CreateContext();
        context.SetInput("x", input);
        context.Run();
        var got = context.Output<float>(engine.Outputs[0].Name).ToArray();
        var want = GraphInterpreter.Run(b.Graph, [input])[0].As<float>().Data;
        var amax = want.Max(MathF.Abs);
        Assert.True(got.Zip(want).Average(pair => Math.Abs(pair.First - pair.Second)) < 0.01 * amax, string.Join(" ", engine.Layers.Select(l => l.Tactic + " " + l.Spec)));
    }
}
