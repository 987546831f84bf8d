using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Batch;

/// <summary>Operands and results where a kernel may not expect them: constants on any side, constants of the batch's size by accident, outputs that nothing computes, inputs that nothing reads.</summary>
public class OperandTests
{
    // Operands of small ops of two operands and more; each is a constant in turn.
    private static readonly (string Name, Op Op, int[][] Shapes)[] s_ops =
    [
        ("add", new Add(), [[2, 3, 4, 4], [2, 3, 4, 4]]),
        ("multiply broadcast", new Mul(), [[2, 3, 4, 4], [3, 1, 1]]),
        ("divide broadcast", new Div(), [[4, 1], [2, 3, 4, 4]]),
        ("power", new Pow(), [[2, 3], [2, 3]]),
        ("matmul", new MatMul(), [[4, 5], [5, 3]]),
        ("matmul of rank 3", new MatMul(), [[2, 4, 5], [2, 5, 3]]),
        ("matmul of rank 3 and 2", new MatMul(), [[2, 4, 5], [5, 3]]),
        ("matmul of rank 2 and 3", new MatMul(), [[4, 5], [2, 5, 3]]),
        ("matmul of vectors", new MatMul(), [[5], [5]]),
        ("gemm", new Gemm(), [[4, 5], [5, 3], [3]]),
        ("gemm transposed", new Gemm { TransA = true, TransB = true }, [[5, 4], [3, 5], [4, 3]]),
        ("gemm with weights of rows", new Gemm { TransB = true }, [[4, 5], [3, 5], [3]]),
        ("gemm scaled", new Gemm { Alpha = 0.5f, Beta = 2 }, [[4, 5], [5, 3], [1]]),
        ("conv", new Conv { Window = WindowAttributes.Uniform(3, 1, 1) }, [[2, 4, 5, 5], [6, 4, 3, 3], [6]]),
        ("depthwise", new Conv { Window = WindowAttributes.Uniform(3, 1, 1), Groups = 4 }, [[2, 4, 5, 5], [4, 1, 3, 3], [4]]),
        ("conv of lines", new Conv(), [[2, 4, 7], [6, 4, 3], [6]]),
        ("conv transpose", new ConvTranspose(), [[2, 4, 5, 5], [4, 3, 2, 2], [3]]),
        ("concat", new Concat(1), [[2, 3, 4, 4], [2, 5, 4, 4]]),
        ("concat of rows", new Concat(0), [[2, 3], [1, 3], [4, 3]]),
        ("layer norm", new LayerNormalization(), [[2, 3, 8], [8], [8]]),
        ("batch norm", new BatchNormalization(), [[2, 4, 3, 3], [4], [4], [4], [4]]),
        ("instance norm", new InstanceNormalization(), [[2, 4, 3, 3], [4], [4]]),
        ("prelu", new PRelu(), [[2, 4, 3, 3], [4, 1, 1]]),
        ("clip", new Clip(), [[2, 3], [], []]),
        ("maximum", new Max(), [[2, 3], [2, 3], [1]]),
        ("sum", new Sum(), [[2, 3], [2, 3], [1]]),
    ];

    public static TheoryData<string> Ops => new(s_ops.Select(op => op.Name));

    [Theory]
    [MemberData(nameof(Ops))]
    public void Constants_at_every_operand(string name)
    {
        var (_, op, shapes) = s_ops.First(op => op.Name == name);
        for (var constants = 0; constants < (1 << shapes.Length) - 1; constants++)
        {
            var graph = new Graph();
            var operands = shapes.Select((sizes, i) => (constants >> i & 1) == 0 ? graph.AddInput($"x{i}", TensorType.Float32([.. sizes.Select(Dim.Of)])) : graph.AddConstant($"c{i}", Positive(sizes, i))).ToArray();
            graph.AddOutput(graph.Add(new Relu(), graph.Add(op, operands)));
            Check(graph, $"{name}, constants {constants:b}");
        }
    }

    public static TheoryData<CpuFeatures> Levels => [.. TestDevice.Levels];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Quantized_constants_at_every_operand(CpuFeatures isa)
    {
        foreach (var op in new Op[] { new Add(), new Mul(), new Concat(1), new MatMul() })
            foreach (var constant in new[] { 0, 1 })
            {
                int[] sizes = op is MatMul ? [8, 8] : [2, 8, 3, 3];
                var graph = new Graph();
                Value Operand(int index) => Quantized(graph, index == constant ? graph.AddConstant("c", Positive(sizes, 5)) : graph.AddInput("x", TensorType.Float32([.. sizes.Select(Dim.Of)])));
                graph.AddOutput(Quantized(graph, graph.Add(op, Operand(0), Operand(1))));
                Check(graph, $"{op}, operand {constant} is constant, {isa}", TestDevice.At(isa));
            }
        var conv = new Graph();
        conv.AddOutput(Quantized(conv, conv.Add(new Conv(), Quantized(conv, conv.AddConstant("image", Positive([1, 8, 4, 4], 1))), conv.AddInput("w", TensorType.Float32(8, 8, 1, 1)))));
        Check(conv, $"constant image, {isa}", TestDevice.At(isa));
    }

    // 4 is the largest batch: at batches 1 and 4 the constant's rows could be taken for the images'.
    [Theory]
    [InlineData(4)]
    [InlineData(2)]
    [InlineData(1)]
    public void Constants_with_as_many_rows_as_the_batch_are_not_taken_for_it(int rows)
    {
        foreach (var op in new Op[] { new Add(), new Mul(), new Concat(1), new Max(), new MatMul() })
        {
            var graph = new Graph();
            var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 3));
            var c = graph.AddConstant("c", Positive([rows, 3, 3], 3));
            try
            {
                graph.AddOutput(graph.Add(op, c, x));
            }
            catch (PithException)
            {
                continue;
            }
            foreach (var maxBatch in new[] { 2, 4 })
            {
                try
                {
                    Check(graph, $"{op} with {rows} rows", maxBatch: maxBatch);
                }
                catch (PithException refusal)
                {
                    // Not valid at that batch.
                    Assert.Throws<PithException>(() => graph.Clone(("N", maxBatch)));
                    Assert.NotEmpty(refusal.Message);
                }
            }
        }
    }

    [Fact]
    public void Outputs_may_be_inputs_constants_and_the_same_value_twice()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 5, 5));
        var unused = graph.AddInput("unused", TensorType.Float32(Dim.Named("N"), 7));
        var c = graph.AddConstant("c", Positive([2, 3], 1));
        var y = graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }, x);
        foreach (var output in new[] { x, c, y, graph.Add(new Identity(), y), graph.Add(new Identity(), c), graph.Add(new Identity(), x) }) graph.AddOutput(output);
        Check(graph, "outputs", maxBatch: 4);
        Assert.Empty(unused.Uses);
    }

    private static Value Quantized(Graph graph, Value value)
    {
        var (scale, zero) = (graph.AddConstant("scale", Tensor.Scalar(1 / 32f)), graph.AddConstant("zero", Tensor.Scalar((sbyte)3)));
        return graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), value, scale, zero), scale, zero);
    }

    private static Tensor<float> Positive(int[] sizes, int seed)
    {
        var random = new Random(seed);
        var tensor = Tensor.Zeros<float>(new Shape(sizes));
        foreach (ref var value in tensor.Span) value = random.Next(1, 33) / 32f;
        return tensor;
    }

    private static void Check(Graph graph, string what, Tactics.Device? device = null, int maxBatch = 1)
    {
        foreach (var referenceOnly in new[] { false, true })
        {
            var options = new EngineOptions { MaxBatch = maxBatch, Threads = 2, TimeTactics = false, ReferenceOnly = referenceOnly };
            using var engine = device is null ? EngineBuilder.Build(graph, options) : EngineBuilder.Build(graph, options, device);
            using var context = engine.CreateContext();
            for (var batch = engine.Network.Shapes.IsFixed ? engine.MaxBatch : 1; batch <= engine.MaxBatch; batch++)
            {
                var inputs = graph.Inputs.Select((input, i) => (Tensor)Positive([.. input.Type.Dims.Select(dim => dim.IsFixed ? dim.Size : batch)], 10 * batch + i)).ToArray();
                for (var i = 0; i < inputs.Length; i++) context.SetInput(graph.Inputs[i].Name, inputs[i]);
                context.Run(batch);
                var want = GraphInterpreter.Run(graph, inputs);
                for (var i = 0; i < want.Length; i++) BatchTests.Same(want[i], context.OutputTensor(graph.Outputs[i].Name), $"{what}, output {i}, batch {batch}{(referenceOnly ? ", reference" : "")}");
            }
        }
    }
}
