using Pith.Ops;
using Pith.Tests.Gradients;
using Pith.Training;

namespace Pith.Tests.Training;

public class TrainingGraphTests
{
    private const int Classes = 3;

    /// <summary>x [N,2,6,6] - conv - batch norm - relu - pool - dropout - gemm - softmax.</summary>
    private static Graph Network()
    {
        var graph = new Graph("tiny");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 2, 6, 6));
        Value Weights(string name, int seed, params int[] dims) => graph.AddConstant(name, GradientCheck.Random(seed, new Shape(dims), -0.5, 0.5));
        Value Constant(string name, float value) => graph.AddConstant(name, Tensor.Create(new Shape(4), Enumerable.Repeat(value, 4).ToArray()));
        var conv = graph.AddNode(new Conv { Window = WindowAttributes.Uniform(3, pad: 1) }, [x, Weights("conv.w", 1, 4, 2, 3, 3)], "conv").Output;
        var norm = graph.AddNode(new BatchNormalization(), [conv, Constant("bn.gamma", 1), Constant("bn.beta", 0), Constant("bn.mean", 0), Constant("bn.variance", 1)], "bn").Output;
        var pooled = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), graph.Add(new Relu(), norm)));
        var logits = graph.AddNode(new Gemm { TransB = true }, [graph.Add(new Dropout(), pooled), Weights("fc.w", 2, Classes, 4), Weights("fc.b", 3, Classes)], "fc").Output;
        graph.AddOutput(graph.AddNode(new Softmax(), [logits], "softmax", ["probabilities"]).Output);
        return graph;
    }

    /// <summary>Images whose class shows in how their two channels compare.</summary>
    private static (Tensor<float> Images, Tensor<int> Labels) Batch(int seed, int count = 12)
    {
        var images = GradientCheck.Random(seed, new Shape(count, 2, 6, 6));
        var labels = Tensor.Create(new Shape(count), Enumerable.Range(0, count).Select(i => i % Classes).ToArray());
        for (var n = 0; n < count; n++)
            for (var i = 0; i < 72; i++) images.Data[n * 72 + i] += (i < 36 ? 0.5f : -0.5f) * (labels.Data[n] - 1);
        return (images, labels);
    }

    [Fact]
    public void Parameters_become_inputs_and_gradients_outputs()
    {
        var training = TrainingGraph.Build(Network(), new());
        Assert.Equal(["x", "labels", "conv.w", "bn.gamma", "bn.beta", "fc.w", "fc.b"], training.Graph.Inputs.Select(input => input.Name));
        Assert.Equal(
            [ParameterKind.Weight, ParameterKind.NormScale, ParameterKind.NormBias, ParameterKind.Weight, ParameterKind.Bias], training.Parameters.Select(parameter => parameter.Kind));
        Assert.Equal(2 + 5 + 2, training.Graph.Outputs.Count);
        Assert.All(training.Parameters, parameter => Assert.Equal(parameter.Input.Type, parameter.Gradient.Type));
        Assert.Equal(("bn.mean", "bn.variance", 0.9f), training.Statistics.Select(norm => (norm.MeanName, norm.VarianceName, norm.Momentum)).Single());
    }

    [Fact]
    public void Gradient_descent_lowers_the_loss_and_the_result_goes_back_into_the_inference_graph()
    {
        var network = Network();
        var training = TrainingGraph.Build(network, new() { LabelSmoothing = 0.05f });
        var (images, labels) = Batch(5);
        var parameters = training.Parameters.Select(parameter => parameter.Initial.Clone()).ToArray();
        var (mean, variance) = (training.Statistics[0].InitialMean.Clone(), training.Statistics[0].InitialVariance.Clone());
        var losses = new List<float>();
        for (var step = 0; step < 60; step++)
        {
            var results = GraphInterpreter.Run(training.Graph, [images, labels, .. parameters]);
            losses.Add(results[0].As<float>().Data[0]);
            for (var p = 0; p < parameters.Length; p++)
                for (var i = 0; i < parameters[p].Length; i++) parameters[p].Data[i] -= 0.3f * results[2 + p].As<float>().Data[i];
            Move(mean, results[^2].As<float>());
            Move(variance, results[^1].As<float>());
        }
        Assert.True(losses[^1] < 0.5f * losses[0], $"the loss went from {losses[0]} to {losses[^1]}");

        var trained = training.Parameters.Select((parameter, i) => (parameter.Name, (Tensor)parameters[i])).ToDictionary(pair => pair.Name, pair => pair.Item2);
        (trained["bn.mean"], trained["bn.variance"]) = (mean, variance);
        var probabilities = GraphInterpreter.Run(TrainingGraph.WriteBack(network, trained), [images])[0].As<float>();
        for (var n = 0; n < labels.Length; n++)
            Assert.Equal(labels.Data[n], Enumerable.Range(0, Classes).MaxBy(k => probabilities.Data[n * Classes + k]));
        Assert.Equal(1f, network.Find("bn.variance")!.Constant!.As<float>().Data[0]);

        void Move(Tensor<float> running, Tensor<float> batch)
        {
            for (var i = 0; i < running.Length; i++) running.Data[i] = running.Data[i] * 0.9f + batch.Data[i] * 0.1f;
        }
    }

    [Fact]
    public void Frozen_batch_norm_computes_what_inference_computes()
    {
        var network = Network();
        var training = TrainingGraph.Build(network, new() { FreezeBatchNorm = true });
        Assert.Empty(training.Statistics);
        var (images, labels) = Batch(6);
        var logits = GraphInterpreter.Run(training.Graph, [images, labels, .. training.Parameters.Select(parameter => parameter.Initial)])[1];
        var probabilities = GraphInterpreter.Run(network, [images])[0];
        Assert.Equal(probabilities.As<float>().Data, new Softmax().Evaluate([logits], 1)[0].As<float>().Data);
    }

    [Fact]
    public void A_teacher_gives_the_graph_another_input_and_a_weighted_loss()
    {
        var network = Network();
        var training = TrainingGraph.Build(network, new() { DistillationWeight = 0.75f, DistillationTemperature = 2 });
        var (images, labels) = Batch(7);
        var teacher = GradientCheck.Random(8, new Shape(labels.Length, Classes), -3, 3);
        Assert.Equal("teacher_logits", training.TeacherLogits!.Name);
        var results = GraphInterpreter.Run(training.Graph, [images, labels, teacher, .. training.Parameters.Select(parameter => parameter.Initial)]);
        var expected = 0.25f * new SoftmaxCrossEntropy().Evaluate([results[1], labels], 1)[0].As<float>().Data[0]
            + 0.75f * new DistillationLoss { Temperature = 2 }.Evaluate([results[1], teacher], 1)[0].As<float>().Data[0];
        Assert.Equal(expected, results[0].As<float>().Data[0], 1e-6f);
    }

    [Fact]
    public void Weights_behind_fake_quantization_are_trained_through_it()
    {
        var graph = new Graph("qat");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4));
        var w = graph.AddConstant("w", GradientCheck.Random(1, new Shape(3, 4)));
        var (scale, zero) = (graph.AddConstant("scale", Tensor.Vector(0.01f, 0.004f, 0.01f)), graph.AddConstant("zero", Tensor.Vector<sbyte>(0, 0, 0)));
        var quantized = graph.Add(new DequantizeLinear { Axis = 0 }, graph.Add(new QuantizeLinear { Axis = 0 }, w, scale, zero), scale, zero);
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, x, quantized));
        var training = TrainingGraph.Build(graph, new());
        Assert.Equal(["w"], training.Parameters.Select(parameter => parameter.Name));
        var gradient = GraphInterpreter.Run(training.Graph, [GradientCheck.Random(2, new Shape(5, 4)), Tensor.Vector(0, 1, 2, 0, 1), training.Parameters[0].Initial])[2].As<float>();
        for (var i = 4; i < 8; i++) Assert.Equal(Math.Abs(w.Constant!.As<float>().Data[i]) > 127 * 0.004f, gradient.Data[i] == 0);
    }

    [Fact]
    public void Scales_become_parameters_whose_gradients_have_the_factor_of_the_paper()
    {
        var graph = new Graph("lsq");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4));
        var w = graph.AddConstant("w", GradientCheck.Random(1, new Shape(3, 4)));
        Value Pair(Value value, string name, Tensor scale, Tensor zero)
        {
            var (s, z) = (graph.AddConstant($"{name}/scale", scale), graph.AddConstant($"{name}/zero", zero));
            return graph.Add(new DequantizeLinear { Axis = 0 }, graph.Add(new QuantizeLinear { Axis = 0 }, value, s, z), s, z);
        }

        graph.AddOutput(graph.Add(new Gemm { TransB = true }, Pair(x, "x", Tensor.Scalar(0.02f), Tensor.Scalar<byte>(55)), Pair(w, "w", Tensor.Vector(0.01f, 0.004f, 0.01f), Tensor.Vector<sbyte>(0, 0, 0))));
        var training = TrainingGraph.Build(graph, new() { LearnScales = true });
        Assert.Equal([("w", ParameterKind.Weight), ("x/scale", ParameterKind.Scale), ("w/scale", ParameterKind.Scale)], training.Parameters.Select(parameter => (parameter.Name, parameter.Kind)));
        Tensor[] inputs = [GradientCheck.Random(2, new Shape(5, 4)), Tensor.Vector(0, 1, 2, 0, 1), .. training.Parameters.Select(parameter => parameter.Initial)];
        var results = GraphInterpreter.Run(training.Graph, inputs);

        // The same without the factor: 4 features of an image, 255 - 55 steps; 4 weights of a channel, 127 steps.
        foreach (var (name, features, steps) in new[] { ("x/scale", 4, 200), ("w/scale", 4, 127) })
        {
            var output = training.Parameters.Single(parameter => parameter.Name == name).Gradient;
            var bare = training.Graph.Clone();
            var scaled = bare.Outputs.Single(value => value.Name == output.Name);
            var product = scaled.Producer!.Op is Identity ? scaled.Producer.Inputs[0]!.Producer! : scaled.Producer!;
            var factor = product.Inputs.Single(input => input!.Constant is not null)!.Constant!.As<float>().Data[0];
            Assert.Equal(1 / Math.Sqrt(features * steps), factor, 1e-6);
        }
        Assert.All(results.Skip(2), gradient => Assert.Contains(gradient.As<float>().Data, value => value != 0));
    }

    [Fact]
    public void A_graph_that_does_not_classify_is_refused()
    {
        var graph = new Graph("segmentation");
        var x = graph.AddInput("x", TensorType.Float32(1, 3, 8, 8));
        graph.AddOutput(graph.Add(new Conv(), x, graph.AddConstant("w", Tensor.Zeros<float>(new(4, 3, 1, 1)))));
        var failure = Assert.Throws<PithException>(() => TrainingGraph.Build(graph, new()));
        Assert.Contains("logits [N, K]", failure.Message, StringComparison.Ordinal);
    }
}
